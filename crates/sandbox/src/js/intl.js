// Numbers, dates and comparison for people: what `Intl` is mostly used for, without the data of every language.
(function ({ native, define }) {
  const NAMES = {
    en: ['January February March April May June July August September October November December',
      'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'],
    de: ['Januar Februar März April Mai Juni Juli August September Oktober November Dezember',
      'Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag'],
    fr: ['janvier février mars avril mai juin juillet août septembre octobre novembre décembre',
      'dimanche lundi mardi mercredi jeudi vendredi samedi'],
    es: ['enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre',
      'domingo lunes martes miércoles jueves viernes sábado'],
    it: ['gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre',
      'domenica lunedì martedì mercoledì giovedì venerdì sabato'],
    pt: ['janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro',
      'domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado'],
    nl: ['januari februari maart april mei juni juli augustus september oktober november december',
      'zondag maandag dinsdag woensdag donderdag vrijdag zaterdag'],
    ru: ['января февраля марта апреля мая июня июля августа сентября октября ноября декабря',
      'воскресенье понедельник вторник среда четверг пятница суббота'],
    pl: ['stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia',
      'niedziela poniedziałek wtorek środa czwartek piątek sobota'],
  };
  // Numeric dates: order, separator, two digits; numbers: group and decimal mark.
  const FORMS = {
    en: ['mdy', '/', false, ',', '.'], 'en-GB': ['dmy', '/', true, ',', '.'], 'en-AU': ['dmy', '/', true, ',', '.'],
    'en-IN': ['dmy', '/', false, ',', '.'], 'en-CA': ['ymd', '-', true, ',', '.'], 'en-NZ': ['dmy', '/', true, ',', '.'],
    de: ['dmy', '.', false, '.', ','], 'de-CH': ['dmy', '.', false, '’', '.'], fr: ['dmy', '/', true, '\u202f', ','],
    es: ['dmy', '/', false, '.', ','], it: ['dmy', '/', false, '.', ','], pt: ['dmy', '/', true, '.', ','],
    nl: ['dmy', '-', false, '.', ','], ru: ['dmy', '.', true, '\u00a0', ','], pl: ['dmy', '.', false, '\u00a0', ','],
    sv: ['ymd', '-', true, '\u00a0', ','], ja: ['ymd', '/', false, ',', '.'], zh: ['ymd', '/', false, ',', '.'],
  };
  const locale = (wanted) => {
    const tag = String((Array.isArray(wanted) ? wanted[0] : wanted) ?? 'en-US');
    if (!/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/.test(tag)) throw new RangeError(`Incorrect locale information provided`);
    const [language] = tag.toLowerCase().split(/[-_]/);
    const known = FORMS[tag] ?? FORMS[language];
    const form = known ?? FORMS.en;
    return { tag: known ? tag : 'en-US', language: NAMES[language] ? language : 'en', is12: !known || language === 'en' && !/GB|IE/.test(tag),
      order: form[0], separator: form[1], isWide: form[2], group: form[3], decimal: form[4] };
  };

  // -- numbers
  const SYMBOLS = { USD: '$', EUR: '€', GBP: '£', JPY: '¥', INR: '₹', CNY: 'CN¥', KRW: '₩', BRL: 'R$', CAD: 'CA$', AUD: 'A$',
    MXN: 'MX$', ILS: '₪', VND: '₫', NZD: 'NZ$' };
  const WHOLE = ['JPY', 'KRW', 'VND', 'CLP'];

  function round(value, most) {
    // Decimal rounding, half away from zero, as people expect of the shortest notation.
    const [digits, exponent = '0'] = String(value).split('e');
    const shifted = Math.round(Number(`${digits}e${Number(exponent) + most}`));
    const [back, backExponent = '0'] = String(shifted).split('e');
    return Number(`${back}e${Number(backExponent) - most}`);
  }

  class NumberFormat {
    #locale;
    #options;
    constructor(tag, options = {}) {
      this.#locale = locale(tag);
      const { style = 'decimal', currency, notation = 'standard' } = options;
      if (style === 'currency' && !currency) throw new TypeError('Currency code is required with currency style.');
      const usual = style === 'currency' ? (WHOLE.includes(currency.toUpperCase()) ? [0, 0] : [2, 2])
        : style === 'percent' ? [0, 0] : notation === 'compact' ? [0, 1] : [0, 3];
      const minimumFractionDigits = options.minimumFractionDigits ?? Math.min(usual[0], options.maximumFractionDigits ?? usual[0]);
      const maximumFractionDigits = options.maximumFractionDigits ?? Math.max(usual[1], minimumFractionDigits);
      if (minimumFractionDigits > maximumFractionDigits) throw new RangeError('maximumFractionDigits value is out of range.');
      this.#options = { ...options, style, currency: currency?.toUpperCase(), notation, minimumFractionDigits, maximumFractionDigits };
      this.format = (value) => this.#format(value);
    }
    #digits(value) {
      const { minimumFractionDigits: least, maximumFractionDigits: most, maximumSignificantDigits, minimumIntegerDigits = 1,
        useGrouping = true } = this.#options;
      if (maximumSignificantDigits) value = Number(value.toPrecision(maximumSignificantDigits));
      const fixed = maximumSignificantDigits ? String(value) : value >= 1e21 ? BigInt(value).toString() : round(value, most).toFixed(most);
      let [whole, fraction = ''] = fixed.split('.');
      while (!maximumSignificantDigits && fraction.length > least && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
      whole = whole.padStart(minimumIntegerDigits, '0');
      const { group, decimal, tag } = this.#locale;
      const isGrouped = useGrouping !== false && useGrouping !== 'false' && !(/^(es|pl|pt-PT)/.test(tag) && whole.length < 5);
      if (isGrouped) {
        whole = tag === 'en-IN' ? whole.replace(/\B(?=(\d\d)*\d{3}$)/g, group) : whole.replace(/\B(?=(\d{3})+$)/g, group);
      }
      return fraction ? whole + decimal + fraction : whole;
    }
    #format(value) {
      const { style, currency, notation, unit, currencyDisplay, signDisplay } = this.#options;
      let number = Number(value);
      const isNegative = number < 0 || Object.is(number, -0) && false;
      number = Math.abs(number);
      let suffix = '';
      if (notation === 'compact') {
        for (const [size, letter] of [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'K']]) {
          if (number >= size) { number /= size; suffix = letter; break; }
        }
        if (number >= 10) number = Math.round(number);
      }
      if (style === 'percent') number *= 100;
      let text = Number.isNaN(number) ? 'NaN' : number === Infinity ? '∞' : this.#digits(number) + suffix;
      const isFront = this.#locale.decimal === '.' || this.#locale.language === 'nl' || this.#locale.language === 'pt';
      const sign = isNegative && signDisplay !== 'never' ? '-'
        : signDisplay === 'always' || (signDisplay === 'exceptZero' && number) ? '+' : '';
      if (style === 'percent') text = isFront ? `${text}%` : `${text}\u00a0%`;
      if (style === 'currency') {
        const symbol = currencyDisplay === 'code' ? currency : SYMBOLS[currency] ?? currency;
        const gap = isFront && this.#locale.decimal === '.' && symbol !== currency ? '' : '\u00a0';
        text = isFront ? symbol + gap + text : text + gap + symbol;
      }
      if (style === 'unit') text += unit === 'percent' ? '%' : ` ${unit}`;
      return sign + text;
    }
    formatToParts(value) { return [{ type: 'literal', value: this.#format(value) }]; }
    resolvedOptions() { return { locale: this.#locale.tag, numberingSystem: 'latn', ...this.#options }; }
    static supportedLocalesOf(tags) { return [tags ?? []].flat(); }
  }

  // -- dates
  const DATE_PARTS = ['weekday', 'era', 'year', 'month', 'day'];
  const TIME_PARTS = ['hour', 'minute', 'second', 'fractionalSecondDigits', 'dayPeriod'];
  const DATE_STYLES = {
    full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
    long: { year: 'numeric', month: 'long', day: 'numeric' },
    medium: { year: 'numeric', month: 'short', day: 'numeric' },
    short: { year: '2-digit', month: 'numeric', day: 'numeric' },
  };
  const TIME_STYLES = {
    full: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'long' },
    long: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
    medium: { hour: 'numeric', minute: '2-digit', second: '2-digit' },
    short: { hour: 'numeric', minute: '2-digit' },
  };
  const ZONES = { EST: 'Eastern Standard Time', EDT: 'Eastern Daylight Time', CST: 'Central Standard Time',
    CDT: 'Central Daylight Time', MST: 'Mountain Standard Time', MDT: 'Mountain Daylight Time', PST: 'Pacific Standard Time',
    PDT: 'Pacific Daylight Time', UTC: 'Coordinated Universal Time', CET: 'Central European Standard Time',
    CEST: 'Central European Summer Time', GMT: 'Greenwich Mean Time', BST: 'British Summer Time' };
  const two = (number) => String(number).padStart(2, '0');
  const short = (name, language) => (language === 'en' || language === 'de' ? name.slice(0, 3) : name.length > 4 ? `${name.slice(0, 3)}.` : name);

  class DateTimeFormat {
    #locale;
    #options;
    #zone;
    constructor(tag, options = {}, usual = { year: 'numeric', month: 'numeric', day: 'numeric' }) {
      this.#locale = locale(tag);
      const isOffset = /^[+-]\d\d:?\d\d$/.test(options.timeZone ?? '');
      this.#zone = isOffset ? options.timeZone : native('zone', String(options.timeZone ?? 'UTC'), 0).name;
      let chosen = { ...options };
      if (options.dateStyle || options.timeStyle) {
        chosen = { ...chosen, ...DATE_STYLES[options.dateStyle], ...TIME_STYLES[options.timeStyle] };
      } else if (![...DATE_PARTS, ...TIME_PARTS].some((part) => options[part] !== undefined && part !== 'era')) {
        chosen = { ...usual, ...chosen };
      }
      this.#options = chosen;
      this.format = (date) => this.formatToParts(date).map((part) => part.value).join('');
    }
    #at(date) {
      const time = date === undefined ? Date.now() : Number(date);
      if (!(Math.abs(time) <= 8.64e15)) throw new RangeError('Invalid time value');
      const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(this.#zone);
      const { offset, abbreviation } = fixed
        ? { offset: (fixed[1] === '-' ? -1 : 1) * (fixed[2] * 60 + Number(fixed[3])), abbreviation: '' } : native('zone', this.#zone, time);
      return { local: new Date(time + offset * 60000), offset, abbreviation };
    }
    formatToParts(date) {
      const options = this.#options;
      const { language, order, separator, is12, isWide } = this.#locale;
      const { local, offset, abbreviation } = this.#at(date);
      const [months, days] = NAMES[language].map((names) => names.split(' '));
      const parts = [];
      const add = (type, value) => parts.push({ type, value: String(value) });
      const literal = (value) => value && add('literal', value);

      // date
      const year = local.getUTCFullYear();
      const shownYear = options.era && year <= 0 ? 1 - year : year;
      const isNamed = options.month === 'long' || options.month === 'short' || options.month === 'narrow';
      const value = {
        year: options.year === '2-digit' ? two(shownYear % 100) : shownYear,
        month: isNamed ? (options.month === 'long' ? months[local.getUTCMonth()] : options.month === 'narrow'
          ? months[local.getUTCMonth()][0].toUpperCase() : short(months[local.getUTCMonth()], language))
          : options.month === '2-digit' || (isWide && options.year && options.month) ? two(local.getUTCMonth() + 1) : local.getUTCMonth() + 1,
        day: options.day === '2-digit' || (isWide && !isNamed && options.year && options.month) ? two(local.getUTCDate()) : local.getUTCDate(),
      };
      const weekday = options.weekday && (options.weekday === 'long' ? days[local.getUTCDay()] : short(days[local.getUTCDay()], language));
      const has = { y: options.year, m: options.month, d: options.day };
      if (weekday) {
        add('weekday', weekday);
        if (has.y || has.m || has.d) literal(', ');
      }
      const typeOf = { y: 'year', m: 'month', d: 'day' };
      const shown = [...(isNamed && order === 'ymd' ? 'mdy' : order)].filter((letter) => has[letter]);
      shown.forEach((letter, at) => {
        if (at > 0) {
          const before = shown[at - 1];
          literal(!isNamed ? separator
            : shown[0] === 'm' ? (letter === 'y' && before === 'd' ? ', ' : ' ')
            : before === 'd' && language === 'de' ? '. ' : /es|pt/.test(language) ? ' de ' : ' ');
        }
        add(typeOf[letter], value[typeOf[letter]]);
      });
      if (options.era) {
        literal(' ');
        add('era', year <= 0 ? 'BC' : 'AD');
      }

      // time
      if (options.hour || options.minute || options.second) {
        const isLong = isNamed && (options.dateStyle === 'full' || options.dateStyle === 'long');
        if (parts.length) literal(isLong ? ' at ' : order === 'ymd' && separator === '-' && language === 'en' && !is12 || this.#locale.tag.startsWith('sv') ? ' ' : ', ');
        const cycle = options.hour12 !== undefined ? (options.hour12 ? 'h12' : 'h23') : options.hourCycle ?? (is12 ? 'h12' : 'h23');
        const hour = local.getUTCHours();
        const isHalf = cycle === 'h12' || cycle === 'h11';
        const shownHour = cycle === 'h12' ? hour % 12 || 12 : cycle === 'h11' ? hour % 12 : cycle === 'h24' ? hour || 24 : hour;
        const clock = [];
        if (options.hour) clock.push(['hour', options.hour === '2-digit' || !isHalf ? two(shownHour) : shownHour]);
        if (options.minute) clock.push(['minute', options.hour || options.second || options.minute === '2-digit' ? two(local.getUTCMinutes()) : local.getUTCMinutes()]);
        if (options.second) clock.push(['second', options.minute || options.second === '2-digit' ? two(local.getUTCSeconds()) : local.getUTCSeconds()]);
        clock.forEach(([type, text], at) => {
          if (at > 0) literal(':');
          add(type, text);
        });
        if (options.fractionalSecondDigits) {
          literal('.');
          add('fractionalSecond', String(local.getUTCMilliseconds()).padStart(3, '0').slice(0, options.fractionalSecondDigits));
        }
        if (options.hour && isHalf) {
          literal(' ');
          add('dayPeriod', hour < 12 ? 'AM' : 'PM');
        }
      }
      if (options.timeZoneName) {
        const minutes = Math.abs(offset);
        const gmt = offset === 0 ? 'GMT' : `GMT${offset < 0 ? '-' : '+'}${Math.floor(minutes / 60)}${minutes % 60 ? `:${two(minutes % 60)}` : ''}`;
        const name = /^(E|C|M|P)[SD]T$|^UTC$/.test(abbreviation) ? abbreviation : gmt;
        if (parts.length) literal(parts.some((part) => part.type === 'hour') ? ' ' : ', ');
        add('timeZoneName', options.timeZoneName.startsWith('long') ? ZONES[abbreviation] ?? gmt
          : options.timeZoneName === 'shortOffset' ? gmt : options.timeZoneName === 'longOffset'
            ? offset === 0 ? 'GMT' : `GMT${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}` : name);
      }
      return parts;
    }
    formatRange(start, end) { return `${this.format(start)} – ${this.format(end)}`; }
    resolvedOptions() {
      return { locale: this.#locale.tag, calendar: 'gregory', numberingSystem: 'latn', timeZone: this.#zone, ...this.#options,
        ...(this.#zone ? { timeZone: this.#zone } : {}) };
    }
    static supportedLocalesOf(tags) { return [tags ?? []].flat(); }
  }

  // -- comparison: letters first by base, then by accent, then lower before upper case, as dictionaries do
  const rank = (character) =>
    /\s/.test(character) ? 0 : /\p{P}/u.test(character) ? 1 : /\p{S}/u.test(character) ? 2 : /\p{N}/u.test(character) ? 3 : 4;
  const less = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const isPlain = (text) => /^[a-zA-Z0-9]*$/.test(text);
  const base = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  function compareBases(a, b, isNumeric) {
    if (isPlain(a) && isPlain(b) && !isNumeric) return less(a, b);
    const pieces = (text) => (isNumeric ? text.match(/\d+|[^]/gu) ?? [] : [...text]);
    const [left, right] = [pieces(a), pieces(b)];
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      if (left[at] === right[at]) continue;
      if (isNumeric && /^\d/.test(left[at]) && /^\d/.test(right[at]) && Number(left[at]) !== Number(right[at])) {
        return Number(left[at]) - Number(right[at]);
      }
      return less(rank(left[at]), rank(right[at])) || less(left[at], right[at]);
    }
    return left.length - right.length;
  }
  function compare(a, b, { sensitivity = 'variant', numeric = false } = {}) {
    if (a === b) return 0;
    const byBase = compareBases(base(a), base(b), numeric);
    if (byBase || sensitivity === 'base') return Math.sign(byBase);
    const marks = (text) => text.normalize('NFD').toLowerCase();
    if (sensitivity !== 'case') {
      const byAccent = less(marks(a), marks(b));
      if (byAccent || sensitivity === 'accent') return byAccent;
    }
    for (let at = 0; at < Math.min(a.length, b.length); at++) {
      if (a[at] !== b[at]) return a[at] === a[at].toLowerCase() ? -1 : 1;
    }
    return Math.sign(a.length - b.length);
  }
  class Collator {
    #options;
    constructor(tag, options = {}) {
      this.#options = options;
      this.compare = (a, b) => compare(String(a), String(b), options);
    }
    resolvedOptions() { return { locale: 'en-US', ...this.#options }; }
  }

  class PluralRules {
    #isOrdinal;
    constructor(tag, { type = 'cardinal' } = {}) { this.#isOrdinal = type === 'ordinal'; }
    select(number) {
      if (!this.#isOrdinal) return number === 1 ? 'one' : 'other';
      const [ones, tens] = [number % 10, number % 100];
      return ones === 1 && tens !== 11 ? 'one' : ones === 2 && tens !== 12 ? 'two' : ones === 3 && tens !== 13 ? 'few' : 'other';
    }
  }

  class ListFormat {
    #word;
    constructor(tag, { type = 'conjunction' } = {}) { this.#word = type === 'disjunction' ? 'or' : 'and'; }
    format(values) {
      const list = [...values];
      if (list.length < 2) return list.join('');
      const last = list.pop();
      return `${list.join(', ')}${list.length > 1 ? ',' : ''} ${this.#word} ${last}`;
    }
  }

  class RelativeTimeFormat {
    #numbers = new NumberFormat('en-US');
    #isAuto;
    constructor(tag, { numeric = 'always' } = {}) { this.#isAuto = numeric === 'auto'; }
    format(value, unit) {
      const name = String(unit).replace(/s$/, '');
      if (this.#isAuto && name === 'day' && Math.abs(value) < 2) return { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[value] ?? '';
      const count = Math.abs(value);
      const text = `${this.#numbers.format(count)} ${name}${count === 1 ? '' : 's'}`;
      return value < 0 || Object.is(value, -0) ? `${text} ago` : `in ${text}`;
    }
  }

  const callable = (Class) => new Proxy(Class, { apply: (target, _, values) => new target(...values) });
  const DATE = { year: 'numeric', month: 'numeric', day: 'numeric' };
  const TIME = { hour: 'numeric', minute: '2-digit', second: '2-digit' };
  const needs = (options, parts) => parts.some((part) => options?.[part] !== undefined) || options?.dateStyle || options?.timeStyle;
  const show = (date, tag, options, usual) =>
    Number.isNaN(date.getTime()) ? 'Invalid Date' : new DateTimeFormat(tag, options, usual).format(date);
  const numberFormats = new Map();
  return {
    Intl: {
      NumberFormat: callable(NumberFormat), DateTimeFormat: callable(DateTimeFormat), Collator: callable(Collator),
      PluralRules, ListFormat, RelativeTimeFormat,
      getCanonicalLocales: (tags) => [tags ?? []].flat(),
      supportedValuesOf: () => [],
    },
    // Puts the methods of numbers, dates and text in place of the engine's, which know one language only.
    install() {
      const METHODS = [
        [Number.prototype, {
          toLocaleString(tag, options) {
            const key = JSON.stringify([tag, options]);
            if (!numberFormats.has(key)) numberFormats.set(key, new NumberFormat(tag, options));
            return numberFormats.get(key).format(this);
          },
        }],
        [Date.prototype, {
          toLocaleString(tag, options) { return show(this, tag, options, { ...DATE, ...TIME }); },
          toLocaleDateString(tag, options = {}) {
            return show(this, tag, needs(options, DATE_PARTS) ? options : { ...DATE, ...options }, DATE);
          },
          toLocaleTimeString(tag, options = {}) {
            return show(this, tag, needs(options, TIME_PARTS) ? options : { ...TIME, ...options }, TIME);
          },
        }],
        [String.prototype, {
          localeCompare(other, tag, options) { return compare(String(this), String(other), options); },
        }],
      ];
      for (const [prototype, methods] of METHODS) for (const name in methods) define(prototype, name, methods[name]);
    },
  };
})
