/** What an adapter says of itself, which may be nothing. */

export interface AdapterName {
  readonly name: string;
  /** It computes on the processor: kernels are chosen differently there. */
  readonly isSoftware: boolean;
}

export function describeAdapter(
  info: Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'>,
): AdapterName {
  const said = [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '');
  const name = said.join(' ');
  return {
    name: name === '' ? 'unnamed GPU' : name,
    isSoftware: /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(name),
  };
}
