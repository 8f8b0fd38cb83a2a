// `this.helpers`: what n8n gives code for requests and files.
(function ({ items, load }) {
  const { send } = load('questions');
  const TYPES = { txt: 'text/plain', csv: 'text/csv', html: 'text/html', json: 'application/json', xml: 'application/xml',
    pdf: 'application/pdf', zip: 'application/zip', png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg',
    gif: 'image/gif', svg: 'image/svg+xml', webp: 'image/webp', mp3: 'audio/mpeg', mp4: 'video/mp4', ics: 'text/calendar',
    xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' };
  const Buffer = () => load('buffer').Buffer;

  async function httpRequest(options) {
    if (typeof options === 'string') options = { url: options };
    const answer = await send({ http_request: options });
    if (options.encoding !== 'arraybuffer') return answer;
    if (options.returnFullResponse) return { ...answer, body: Buffer().from(answer.body, 'base64') };
    return Buffer().from(answer, 'base64');
  }

  // The options of the older `request`.
  async function request(options) {
    if (typeof options === 'string') options = { uri: options };
    const { uri, url = uri, qs, body, form, resolveWithFullResponse, encoding, ...rest } = options;
    return httpRequest({ ...rest, url: String(url), qs, body: body ?? form, json: options.json ?? false,
      returnFullResponse: resolveWithFullResponse, encoding: encoding === null ? 'arraybuffer' : encoding });
  }

  async function toBuffer(binary) {
    if (!binary) throw new Error('there is no such binary property');
    const data = binary.id ? await send({ read_binary: { id: binary.id } }) : binary.data;
    return Buffer().from(data, 'base64');
  }

  const denied = (name) => async () => {
    throw new Error(`${name} is not available: code has no access to credentials; use an HTTP Request node`);
  };

  return {
    httpRequest,
    request,
    httpRequestWithAuthentication: denied('httpRequestWithAuthentication'),
    requestWithAuthentication: denied('requestWithAuthentication'),
    getBinaryDataBuffer: (index, property) => toBuffer(
      typeof property === 'string' ? items()[index]?.binary?.[property] : property),
    assertBinaryData(index, property) {
      const binary = items()[index]?.binary?.[property];
      if (!binary) throw new Error(`item ${index} has no binary property "${property}"`);
      return binary;
    },
    async prepareBinaryData(content, fileName, mimeType) {
      const bytes = Buffer().from(content);
      const fileExtension = /\.([^./\\]+)$/.exec(fileName ?? '')?.[1];
      const binary = { data: bytes.toString('base64'),
        mimeType: mimeType ?? TYPES[fileExtension?.toLowerCase()] ?? (fileName ? 'application/octet-stream' : 'text/plain') };
      if (fileName) binary.fileName = String(fileName).replace(/^.*[/\\]/, '');
      if (fileExtension) binary.fileExtension = fileExtension;
      return binary;
    },
    binaryToBuffer: async (content) => Buffer().from(content),
    binaryToString: async (content, encoding) => Buffer().from(content).toString(encoding),
    returnJsonArray: (data) => [data].flat().map((entry) => (entry?.json ? { ...entry, json: entry.json } : { json: entry })),
    normalizeItems: (data) => [data].flat().map((entry) => (entry?.json ? entry : { json: entry })),
    constructExecutionMetaData: (list, { itemData }) => list.map((entry) => ({ ...entry, pairedItem: itemData })),
  };
})
