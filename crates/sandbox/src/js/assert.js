// Node's `assert`.
(function ({ load }) {
  class AssertionError extends Error {
    constructor({ message, actual, expected, operator }) {
      super(message);
      Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', actual, expected, operator });
    }
  }
  const { inspect, isDeepStrictEqual } = load('util');
  const check = (ok, message, actual, expected, operator) => {
    if (ok) return;
    if (message instanceof Error) throw message;
    message ??= `Expected ${inspect(actual)} ${operator} ${inspect(expected)}`;
    throw new AssertionError({ message, actual, expected, operator });
  };
  const matches = (error, expected) =>
    expected === undefined || (expected instanceof RegExp ? expected.test(String(error))
      : expected.prototype !== undefined && error instanceof expected) ||
    (typeof expected === 'object' && Object.entries(expected).every(([key, value]) => isDeepStrictEqual(error[key], value)));
  const ok = (value, message) => check(value, message ?? 'The expression evaluated to a falsy value', value, true, '==');
  const throws = (run, expected, message) => {
    try { run(); } catch (error) {
      check(matches(error, expected), message, error, expected, 'throws');
      return;
    }
    check(false, message ?? 'Missing expected exception.', undefined, expected, 'throws');
  };
  const rejects = async (promise, expected, message) => {
    try { await (typeof promise === 'function' ? promise() : promise); } catch (error) {
      check(matches(error, expected), message, error, expected, 'rejects');
      return;
    }
    check(false, message ?? 'Missing expected rejection.', undefined, expected, 'rejects');
  };
  const strictEqual = (a, b, message) => check(Object.is(a, b), message, a, b, 'strictEqual');
  const deepStrictEqual = (a, b, message) => check(isDeepStrictEqual(a, b), message, a, b, 'deepStrictEqual');
  const assert = Object.assign((value, message) => ok(value, message), {
    AssertionError, ok, throws, rejects, strictEqual, deepStrictEqual,
    equal: (a, b, message) => check(a == b, message, a, b, '=='),
    notEqual: (a, b, message) => check(a != b, message, a, b, '!='),
    notStrictEqual: (a, b, message) => check(!Object.is(a, b), message, a, b, 'notStrictEqual'),
    deepEqual: deepStrictEqual,
    notDeepStrictEqual: (a, b, message) => check(!isDeepStrictEqual(a, b), message, a, b, 'notDeepStrictEqual'),
    match: (text, pattern, message) => check(pattern.test(text), message, text, pattern, 'match'),
    fail: (message) => check(false, message ?? 'Failed', undefined, undefined, 'fail'),
  });
  assert.strict = assert;
  return assert;
})
