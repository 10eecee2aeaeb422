/** A worker as the trainer's is one, with a load that never comes back. */
import * as comlink from 'comlink';

comlink.expose({
  openDevice: async () => ({ name: 'none' }),
  loadModel: ({ name }: { readonly name: string }) => {
    while (name === 'endless');
    return { name };
  },
  cancelLoading: async () => undefined,
});
