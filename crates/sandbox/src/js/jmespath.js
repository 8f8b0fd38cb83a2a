// $jmespath(data, query)
(function ({ host }) {
  const library = {};
  host.load('vendor/jmespath')(library);
  const $jmespath = (data, query) => {
    if (typeof data !== 'object' || typeof query !== 'string') {
      throw new Error('expected two arguments (Object, string) for this function');
    }
    if (!Array.isArray(data) && typeof data.toJSON === 'function') data = data.toJSON();
    return library.search(data, query);
  };
  return { $jmespath, $jmesPath: $jmespath };
})
