/** What an adapter says of itself, which may be nothing: Firefox names no GPU, so that pages cannot tell machines apart. */

export interface AdapterName {
  readonly name: string;
  /** It computes on the processor: kernels are chosen differently there. */
  readonly isSoftware: boolean;
}

type AdapterInfo = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'> & {
  /** Said of adapters without a name too; older browsers do not have it. */
  readonly isFallbackAdapter?: boolean;
};

export function describeAdapter(info: AdapterInfo): AdapterName {
  const said = [info.vendor, info.architecture, info.device, info.description].filter((part) => part !== '');
  const name = said.join(' ');
  const isSoftware =
    info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(name);
  const unnamed = isSoftware ? 'software GPU without a name' : 'GPU without a name';
  return { name: name === '' ? unnamed : name, isSoftware };
}
