// Text as bytes.
(function ({ native }) {
  const view = (source) =>
    ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return Uint8Array.fromBase64(native('utf8', String(text).toWellFormed())); }
    encodeInto(text, target) {
      const bytes = this.encode(text).subarray(0, target.length);
      target.set(bytes);
      return { read: String(text).length, written: bytes.length };
    }
  }
  class TextDecoder {
    #encoding;
    constructor(encoding = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
      const names = { utf8: 'utf-8', 'utf-8': 'utf-8', latin1: 'windows-1252', 'iso-8859-1': 'windows-1252',
        'windows-1252': 'windows-1252', ascii: 'windows-1252', 'utf-16le': 'utf-16le', 'utf-16': 'utf-16le' };
      this.#encoding = names[String(encoding).toLowerCase()];
      if (!this.#encoding) throw new RangeError(`The "${encoding}" encoding is not supported`);
      this.fatal = fatal;
      this.ignoreBOM = ignoreBOM;
    }
    get encoding() { return this.#encoding; }
    decode(source = new Uint8Array()) {
      const bytes = view(source);
      let text;
      if (this.#encoding === 'utf-8') text = native(this.fatal ? 'strict text' : 'text', bytes.toBase64());
      else if (this.#encoding === 'utf-16le') {
        text = String.fromCharCode(...Array.from({ length: bytes.length >> 1 }, (_, at) => bytes[2 * at] | (bytes[2 * at + 1] << 8)));
      } else text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
      return !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
    }
  }
  return { TextEncoder, TextDecoder };
})
