// Runs code once per item.
(function (env) {
  const { step, items, define, load } = env;
  return async (code, self) => {
    const isPlain = step.contract === 'function_item';
    const current = () => items()[env.index];
    if (isPlain) {
      define(globalThis, 'getBinaryData', () => current().binary);
      define(globalThis, 'getBinaryDataAsync', async () => current().binary);
      define(globalThis, 'setBinaryData', (binary) => { current().binary = binary; });
      define(globalThis, 'setBinaryDataAsync', async (binary) => { current().binary = binary; });
    }
    for (const name of ['item', '$json', '$binary', '$position']) define(globalThis, name, undefined);
    const results = [];
    for (let index = 0; index < step.count; index++) {
      env.index = index;
      const item = current();
      globalThis.item = isPlain ? item.json : item;
      globalThis.$json = item.json;
      globalThis.$binary = item.binary ?? {};
      globalThis.$itemIndex = globalThis.$position = index;
      try {
        const v = await code.call(self);
        results.push(isPlain ? { v, binary: item.binary, continue: step.continue_on_fail || undefined }
          : step.continue_on_fail ? { v, continue: true } : { v });
      } catch (error) {
        env.failedAt = index;
        if (!step.continue_on_fail) throw error;
        const { message, line } = JSON.parse(load('report').explain(error));
        results.push({ e: `${message} [${line ? `line ${line}, for ` : ''}item ${index}]` });
      }
    }
    return results;
  };
})
