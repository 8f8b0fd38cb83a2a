// Node's `Buffer`, over the engine's own conversions of bytes.
(function ({ native }) {
  const ENCODINGS = { utf8: 'utf8', 'utf-8': 'utf8', base64: 'base64', base64url: 'base64url', hex: 'hex', latin1: 'latin1',
    binary: 'latin1', ascii: 'ascii', utf16le: 'utf16le', 'utf-16le': 'utf16le', ucs2: 'utf16le', 'ucs-2': 'utf16le' };
  const encodingOf = (name = 'utf8') => {
    const encoding = ENCODINGS[String(name).toLowerCase()];
    if (!encoding) throw new TypeError(`Unknown encoding: ${name}`);
    return encoding;
  };
  const fromCodes = (codes) => {
    let text = '';
    for (let at = 0; at < codes.length; at += 8192) text += String.fromCharCode.apply(null, codes.subarray(at, at + 8192));
    return text;
  };

  function bytesOf(text, name) {
    switch (encodingOf(name)) {
      case 'utf8': return Uint8Array.fromBase64(native('utf8', text.toWellFormed()));
      case 'hex': return Uint8Array.fromHex(/^(?:[0-9a-f]{2})*/i.exec(text)[0]);
      case 'utf16le': {
        const bytes = new Uint8Array(text.length * 2);
        for (let at = 0; at < text.length; at++) {
          const code = text.charCodeAt(at);
          bytes[2 * at] = code;
          bytes[2 * at + 1] = code >> 8;
        }
        return bytes;
      }
      case 'base64':
      case 'base64url': {
        let plain = text.split('=', 1)[0].replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '');
        if (plain.length % 4 === 1) plain = plain.slice(0, -1);
        return Uint8Array.fromBase64(plain);
      }
      default: {
        const bytes = new Uint8Array(text.length);
        for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
        return bytes;
      }
    }
  }

  class Buffer extends Uint8Array {
    constructor(source, encodingOrOffset, length) {
      if (typeof source === 'string') super(bytesOf(source, encodingOrOffset));
      else super(source, encodingOrOffset, length);
    }
    static get [Symbol.species]() { return Buffer; }
    static from(source, encodingOrOffset, length) {
      if (typeof source === 'string') return adopt(bytesOf(source, encodingOrOffset));
      if (source instanceof ArrayBuffer) return new Buffer(source, encodingOrOffset, length);
      if (source?.type === 'Buffer' && Array.isArray(source.data)) return adopt(Uint8Array.from(source.data));
      if (typeof source === 'object' && source !== null) {
        const value = source.valueOf();
        if (value !== source && value !== null) return Buffer.from(value, encodingOrOffset, length);
        if (source.length !== undefined) return adopt(Uint8Array.from(source));
      }
      throw new TypeError('The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object.');
    }
    static alloc(size, fill, encoding) {
      const buffer = new Buffer(size);
      return fill === undefined || fill === 0 ? buffer : buffer.fill(fill, encoding);
    }
    static allocUnsafe(size) { return new Buffer(size); }
    static allocUnsafeSlow(size) { return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) { return String(name).toLowerCase() in ENCODINGS; }
    static byteLength(value, encoding) { return typeof value === 'string' ? bytesOf(value, encoding).length : value.byteLength; }
    static compare(a, b) { return a.compare(b); }
    static concat(list, total = list.reduce((sum, part) => sum + part.length, 0)) {
      const joined = new Buffer(total);
      let at = 0;
      for (const part of list) {
        if (at >= total) break;
        joined.set(part.length > total - at ? part.subarray(0, total - at) : part, at);
        at += part.length;
      }
      return joined;
    }
    toString(name, start = 0, end = this.length) {
      const part = start === 0 && end >= this.length ? this : this.subarray(start, end);
      switch (encodingOf(name)) {
        case 'utf8': return native('text', part.toBase64());
        case 'hex': return part.toHex();
        case 'base64': return part.toBase64();
        case 'base64url': return part.toBase64({ alphabet: 'base64url', omitPadding: true });
        case 'latin1': return fromCodes(part);
        case 'ascii': return fromCodes(Uint8Array.prototype.map.call(new Uint8Array(part), (byte) => byte & 127));
        default: return fromCodes(Uint16Array.from({ length: part.length >> 1 }, (_, at) => part[2 * at] | (part[2 * at + 1] << 8)));
      }
    }
    toLocaleString(name) { return this.toString(name); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    // A view, unlike the slice of other arrays.
    slice(start, end) { return this.subarray(start, end); }
    equals(other) { return this.length === other.length && this.every((byte, at) => byte === other[at]); }
    compare(other) {
      const length = Math.min(this.length, other.length);
      for (let at = 0; at < length; at++) if (this[at] !== other[at]) return this[at] < other[at] ? -1 : 1;
      return Math.sign(this.length - other.length);
    }
    copy(target, targetStart = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end, start + target.length - targetStart));
      target.set(part, targetStart);
      return part.length;
    }
    write(text, offset = 0, length, encoding) {
      if (typeof offset === 'string') [offset, encoding] = [0, offset];
      else if (typeof length === 'string') [length, encoding] = [undefined, length];
      const bytes = bytesOf(text, encoding).subarray(0, Math.min(length ?? Infinity, this.length - offset));
      this.set(bytes, offset);
      return bytes.length;
    }
    fill(value, start = 0, end = this.length, encoding) {
      if (typeof start === 'string') [start, end, encoding] = [0, this.length, start];
      if (typeof value === 'number') return super.fill(value & 255, start, end);
      const bytes = typeof value === 'string' ? bytesOf(value, encoding) : value;
      for (let at = start; at < end; at++) this[at] = bytes.length ? bytes[(at - start) % bytes.length] : 0;
      return this;
    }
    indexOf(value, start = 0, encoding) {
      if (typeof value === 'number') return super.indexOf(value & 255, start);
      if (typeof start === 'string') [start, encoding] = [0, start];
      const wanted = typeof value === 'string' ? bytesOf(value, encoding) : value;
      if (start < 0) start = Math.max(0, this.length + start);
      for (let at = start; at <= this.length - wanted.length; at++) {
        if (wanted.every((byte, offset) => byte === this[at + offset])) return at;
      }
      return -1;
    }
    includes(value, start, encoding) { return this.indexOf(value, start, encoding) !== -1; }
    readUIntBE(offset, length) { let value = 0; for (let at = 0; at < length; at++) value = value * 256 + this[offset + at]; return value; }
    readUIntLE(offset, length) { let value = 0; for (let at = length - 1; at >= 0; at--) value = value * 256 + this[offset + at]; return value; }
  }
  const adopt = (bytes) => new Buffer(bytes.buffer, bytes.byteOffset, bytes.length);

  const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const method = (name, value) => Object.defineProperty(Buffer.prototype, name, { value, writable: true, configurable: true });
  const kinds = [['UInt8', 'Uint8', 1], ['Int8', 'Int8', 1], ['UInt16', 'Uint16', 2], ['Int16', 'Int16', 2],
    ['UInt32', 'Uint32', 4], ['Int32', 'Int32', 4], ['BigUInt64', 'BigUint64', 8], ['BigInt64', 'BigInt64', 8],
    ['Float', 'Float32', 4], ['Double', 'Float64', 8]];
  for (const [name, type, size] of kinds) {
    for (const order of size === 1 ? [''] : ['LE', 'BE']) {
      const read = function (offset = 0) { return view(this)[`get${type}`](offset, order === 'LE'); };
      const write = function (value, offset = 0) { view(this)[`set${type}`](offset, value, order === 'LE'); return offset + size; };
      method(`read${name}${order}`, read);
      method(`write${name}${order}`, write);
      method(`read${name.replace('UInt', 'Uint')}${order}`, read);
      method(`write${name.replace('UInt', 'Uint')}${order}`, write);
    }
  }
  return { Buffer, kMaxLength: 2 ** 30, atob: globalThis.atob, btoa: globalThis.btoa };
})
