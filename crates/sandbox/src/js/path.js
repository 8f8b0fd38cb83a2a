// Node's `path`, the POSIX one. Names only: there are no files here.
(function () {
  const normalize = (path) => {
    if (!path) return '.';
    const isAbsolute = path.startsWith('/');
    const parts = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') parts.push(part);
      else if (parts.length && parts.at(-1) !== '..') parts.pop();
      else if (!isAbsolute) parts.push('..');
    }
    const text = (isAbsolute ? '/' : '') + parts.join('/') + (path.endsWith('/') && parts.length ? '/' : '');
    return text || (isAbsolute ? '/' : '.');
  };
  const join = (...parts) => normalize(parts.filter(Boolean).join('/'));
  const resolve = (...parts) => {
    let path = '';
    for (const part of parts) path = part.startsWith('/') ? part : `${path}/${part}`;
    const text = normalize(path.startsWith('/') ? path : `/${path}`);
    return text.length > 1 ? text.replace(/\/$/, '') : text;
  };
  const basename = (path, suffix = '') => {
    const name = path.replace(/\/+$/, '').split('/').at(-1);
    return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  };
  const dirname = (path) => {
    const trimmed = path.replace(/\/+$/, '');
    const at = trimmed.lastIndexOf('/');
    return at < 0 ? '.' : trimmed.slice(0, at).replace(/\/+$/, '') || '/';
  };
  const extname = (path) => /[^.](\.[^.]*)$/.exec(basename(path))?.[1] ?? '';
  const parse = (path) => {
    const [base, ext] = [basename(path), extname(path)];
    return { root: path.startsWith('/') ? '/' : '', dir: path.includes('/') ? dirname(path) : '', base, ext,
      name: ext ? base.slice(0, -ext.length) : base };
  };
  const format = ({ dir, root = '', base, name = '', ext = '' }) => {
    const file = base ?? name + ext;
    return dir ? (dir === root ? dir + file : `${dir}/${file}`) : root + file;
  };
  const relative = (from, to) => {
    const [start, end] = [from, to].map((path) => resolve(path).split('/').filter(Boolean));
    let same = 0;
    while (same < start.length && start[same] === end[same]) same++;
    return [...start.slice(same).map(() => '..'), ...end.slice(same)].join('/');
  };
  const path = { sep: '/', delimiter: ':', normalize, join, resolve, basename, dirname, extname, parse, format, relative,
    isAbsolute: (text) => text.startsWith('/') };
  path.posix = path;
  return path;
})
