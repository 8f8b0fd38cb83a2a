// Node's `crypto`: the parts that code nodes use, and a subset of Web Crypto.
(function ({ native, load }) {
  const { Buffer } = load('buffer');
  const bytes = (value, encoding) => (typeof value === 'string' ? Buffer.from(value, encoding) : Buffer.from(
    value instanceof ArrayBuffer ? value : value?.key ? value.key : ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : value));
  const encode = (value, encoding) => bytes(value, encoding).toBase64();
  const out = (text, encoding) => {
    const buffer = Buffer.from(text, 'base64');
    return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
  };

  class Digest {
    #parts = [];
    #finish;
    #isDone = false;
    constructor(finish) { this.#finish = finish; this.#finish(''); }
    update(data, encoding) {
      if (this.#isDone) throw new Error('Digest already called');
      this.#parts.push(bytes(data, encoding));
      return this;
    }
    digest(encoding) {
      if (this.#isDone) throw new Error('Digest already called');
      this.#isDone = true;
      return out(this.#finish(Buffer.concat(this.#parts).toBase64()), encoding);
    }
  }
  const createHash = (name) => new Digest((data) => native('hash', name, data));
  const createHmac = (name, key) => {
    const secret = encode(key);
    return new Digest((data) => native('hmac', name, secret, data));
  };

  class Cipher {
    #parts = [];
    #additional = Buffer.alloc(0);
    #tag;
    #isPadded = 1;
    #isDone = false;
    constructor(direction, name, key, iv) {
      Object.assign(this, { direction, name: String(name).toLowerCase(), key: encode(key), iv: encode(iv ?? '') });
    }
    get #isGcm() { return this.name.endsWith('-gcm'); }
    setAutoPadding(isOn = true) { this.#isPadded = isOn ? 1 : 0; return this; }
    setAAD(data) { this.#additional = bytes(data); return this; }
    setAuthTag(tag) { this.#tag = bytes(tag); return this; }
    getAuthTag() {
      if (!this.#isDone) throw new Error('Invalid state for operation getAuthTag');
      return this.#tag;
    }
    // Everything is given out by final(): code joins the parts anyway.
    update(data, from, to) {
      this.#parts.push(bytes(data, from));
      return to ? '' : Buffer.alloc(0);
    }
    final(encoding) {
      if (this.#isDone) throw new Error('Unsupported state');
      this.#isDone = true;
      const isOpening = this.direction === 'decrypt';
      if (this.#isGcm && isOpening) this.#parts.push(this.#tag ?? Buffer.alloc(0));
      let result = Buffer.from(native(this.direction, this.name, this.key, this.iv, this.#additional.toBase64(),
        Buffer.concat(this.#parts).toBase64(), this.#isPadded), 'base64');
      if (this.#isGcm && !isOpening) {
        this.#tag = result.subarray(result.length - 16);
        result = result.subarray(0, result.length - 16);
      }
      return encoding ? result.toString(encoding) : result;
    }
  }

  const randomBytes = (size, callback) => {
    const result = out(native('random', size));
    if (!callback) return result;
    callback(null, result);
  };
  const randomFillSync = (array) => {
    bytesView(array).set(Uint8Array.fromBase64(native('random', array.byteLength)));
    return array;
  };
  const bytesView = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  const randomInt = (low, high) => {
    if (high === undefined) [low, high] = [0, low];
    const range = high - low;
    if (!(range > 0 && range <= 2 ** 48)) throw new RangeError('The range must be above 0 and at most 2^48');
    const limit = 2 ** 48 - (2 ** 48 % range);
    for (;;) {
      const value = randomBytes(6).readUIntBE(0, 6);
      if (value < limit) return low + (value % range);
    }
  };
  const randomUUID = () => native('uuid');
  const timingSafeEqual = (a, b) => {
    if (a.byteLength !== b.byteLength) throw new RangeError('Input buffers must have the same byte length');
    const [left, right] = [bytesView(a), bytesView(b)];
    let difference = 0;
    for (let at = 0; at < left.length; at++) difference |= left[at] ^ right[at];
    return difference === 0;
  };
  const pbkdf2Sync = (password, salt, rounds, length, digest = 'sha1') =>
    out(native('pbkdf2', digest, encode(password), encode(salt), rounds, length));
  const later = (run) => (...values) => {
    const callback = values.pop();
    Promise.resolve().then(() => run(...values)).then((value) => callback(null, value), callback);
  };

  const digestName = (algorithm) => (typeof algorithm === 'string' ? algorithm : algorithm.name ?? algorithm.hash);
  const buffer = (value) => { const data = bytes(value); return data.buffer.slice(data.byteOffset, data.byteOffset + data.length); };
  const cipherName = (key, name) => `aes-${key.bytes.length * 8}-${name.slice(4).toLowerCase()}`;
  const webCipher = (direction) => async (algorithm, key, data) => {
    const cipher = [cipherName(key, algorithm.name), key.bytes.toBase64(), encode(algorithm.iv),
      encode(algorithm.additionalData ?? ''), encode(data), 1];
    return buffer(out(native(direction, ...cipher)));
  };
  const subtle = {
    digest: async (algorithm, data) => buffer(out(native('hash', digestName(algorithm), encode(data)))),
    async importKey(format, data, algorithm, extractable, usages) {
      if (format !== 'raw') throw new DOMException(`Keys of format ${format} are not supported`, 'NotSupportedError');
      return { type: 'secret', algorithm, extractable, usages, bytes: bytes(data) };
    },
    async sign(algorithm, key, data) {
      return buffer(out(native('hmac', digestName(key.algorithm.hash), key.bytes.toBase64(), encode(data))));
    },
    async verify(algorithm, key, signature, data) {
      const wanted = new Uint8Array(await subtle.sign(algorithm, key, data));
      return wanted.length === signature.byteLength && timingSafeEqual(wanted, bytes(signature));
    },
    encrypt: webCipher('encrypt'),
    decrypt: webCipher('decrypt'),
    async deriveBits({ salt, iterations, hash }, key, length) {
      return buffer(pbkdf2Sync(key.bytes, bytes(salt), iterations, length / 8, digestName(hash)));
    },
  };
  const webcrypto = { subtle, randomUUID, getRandomValues: randomFillSync };

  return {
    createHash, createHmac, randomBytes, randomFillSync, randomInt, randomUUID, timingSafeEqual, pbkdf2Sync, webcrypto, subtle,
    createCipheriv: (name, key, iv) => new Cipher('encrypt', name, key, iv),
    createDecipheriv: (name, key, iv) => new Cipher('decrypt', name, key, iv),
    createSecretKey: (key, encoding) => ({ type: 'secret', key: bytes(key, encoding) }),
    hash: (name, data, encoding = 'hex') => createHash(name).update(data).digest(encoding),
    pbkdf2: later(pbkdf2Sync),
    getRandomValues: randomFillSync,
    getHashes: () => ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'],
    getCiphers: () => ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm'],
  };
})
