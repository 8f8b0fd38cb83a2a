// Timers that really wait, within the time limit of the step.
(function ({ host }) {
  const timers = new Map();
  let last = 0;
  const add = (callback, delay, isRepeated, values) => {
    if (typeof callback !== 'function') throw new TypeError('a timer takes a function');
    const wait = Math.max(1, Number(delay) || 1);
    const id = ++last;
    timers.set(id, { at: host.elapsed() + wait, wait, isRepeated, callback, values });
    return id;
  };
  const clear = (id) => { timers.delete(Number(id)); };
  return {
    setTimeout: (callback, delay, ...values) => add(callback, delay, false, values),
    setInterval: (callback, delay, ...values) => add(callback, delay, true, values),
    setImmediate: (callback, ...values) => add(callback, 0, false, values),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
    // Milliseconds until the next one, or -1.
    next() {
      let at = Infinity;
      for (const timer of timers.values()) at = Math.min(at, timer.at);
      return at === Infinity ? -1 : Math.max(0, at - host.elapsed());
    },
    // One at a time: its promises run before the next timer.
    fire() {
      const now = host.elapsed();
      let due;
      for (const [id, timer] of timers) if (timer.at <= now && !(due && due[1].at <= timer.at)) due = [id, timer];
      if (!due) return;
      const [id, timer] = due;
      if (timer.isRepeated) timer.at = now + timer.wait;
      else timers.delete(id);
      timer.callback(...timer.values);
    },
  };
})
