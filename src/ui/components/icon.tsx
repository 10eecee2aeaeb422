const paths = {
  play: 'M4 2.5v11l9-5.5z',
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  resume: 'M3 3h2v10H3zM7 3v10l7-5z',
  stop: 'M3.5 3.5h9v9h-9z',
  download: 'M7 1.5h2v6.2l2.3-2.3 1.4 1.4L8 11.5 3.3 6.8l1.4-1.4L7 7.7zM2.5 12.5h11v2h-11z',
} as const;

export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="14" height="14" fill="currentColor" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
