// Writes the locale files beside it from the Unicode CLDR data that Node.js carries: node generate.mjs
// Patterns are written in Luxon's own tokens, so that one formatter and one parser serve every locale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LOCALES = ['en', 'en-GB', 'en-CA', 'en-AU', 'en-IN', 'de', 'de-AT', 'de-CH', 'fr', 'fr-CA', 'es', 'es-MX', 'it', 'nl', 'pt', 'pt-PT',
  'pl', 'ru', 'uk', 'cs', 'sv', 'da', 'nb', 'hu', 'ro', 'tr', 'ja', 'zh', 'ko', 'id']
const UNITS = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond']
const CURRENCIES = ['USD', 'EUR', 'GBP', 'JPY', 'CNY', 'INR', 'BRL', 'CAD', 'AUD', 'NZD', 'CHF', 'MXN', 'KRW', 'ILS', 'PLN', 'CZK', 'SEK', 'NOK', 'DKK', 'HUF', 'RON', 'RUB', 'UAH', 'TRY', 'IDR', 'ZAR', 'HKD', 'TWD', 'PHP', 'VND']
const TZDATA = '/usr/share/zoneinfo/tzdata.zi'
const SAMPLE = new Date(Date.UTC(2003, 1, 4, 4, 5, 6))

const escape = (text) => text.replaceAll('\\', '\\\\').replaceAll('|', '\\p').replaceAll('\n', '\\n')
const quote = (text) => (/[A-Za-z]/.test(text) || /\p{L}/u.test(text) ? `'${text.replaceAll("'", "''")}'` : text)

function locale(tag) {
  const parts = (options, date = SAMPLE) => new Intl.DateTimeFormat(tag, { timeZone: 'UTC', ...options }).formatToParts(date)
  const part = (options, type, date) => parts(options, date).find((part) => part.type === type)?.value ?? ''
  const months = (options) => Array.from({ length: 12 }, (_, i) => part(options, 'month', new Date(Date.UTC(2016, i, 10))))
  const weekdays = (options) => Array.from({ length: 7 }, (_, i) => part(options, 'weekday', new Date(Date.UTC(2016, 10, 14 + i))))
  const names = {
    months: Object.fromEntries(['long', 'short', 'narrow'].map((width) => [width, {
      alone: months({ month: width }), format: months({ month: width, day: 'numeric' }) }])),
    weekdays: Object.fromEntries(['long', 'short', 'narrow'].map((width) => [width, {
      alone: weekdays({ weekday: width }), format: weekdays({ weekday: width, month: 'long', day: 'numeric' }) }])),
  }
  const meridiems = [9, 19].map((hour) => part({ hour: 'numeric', hourCycle: 'h12' }, 'dayPeriod', new Date(Date.UTC(2016, 10, 13, hour))))

  function token(part, hourCycle) {
    const padded = part.value.startsWith('0')
    const named = (table, index, letters) => {
      for (const [width, count] of [['long', 4], ['short', 3], ['narrow', 5]]) {
        if (table[width].format[index] === part.value) return letters[0].repeat(count)
        if (table[width].alone[index] === part.value) return letters[1].repeat(count)
      }
      throw new Error(`${tag}: no name ${part.value}`)
    }
    switch (part.type) {
      case 'literal': return quote(part.value)
      case 'year': return part.value === '2003' ? 'y' : 'yy'
      case 'month': return /^\d+$/.test(part.value) ? (padded ? 'MM' : 'M') : named(names.months, 1, 'ML')
      case 'day': return padded ? 'dd' : 'd'
      case 'weekday': return named(names.weekdays, 1, 'Ec')
      case 'hour': return (hourCycle === 'h12' || hourCycle === 'h11' ? 'h' : 'H').repeat(padded ? 2 : 1)
      case 'minute': return padded ? 'mm' : 'm'
      case 'second': return padded ? 'ss' : 's'
      case 'dayPeriod': return 'a'
      case 'timeZoneName': return part.value.length > 4 ? 'ZZZZZ' : 'ZZZZ'
      case 'era': return 'G'
      default: throw new Error(`${tag}: part ${part.type}`)
    }
  }
  // Neighbouring tokens of one letter and neighbouring quotes would run together; they do not occur or are merged here.
  const pattern = (options) => {
    const format = new Intl.DateTimeFormat(tag, { timeZone: 'UTC', ...options })
    const { hourCycle } = format.resolvedOptions()
    return format.formatToParts(SAMPLE).map((part) => token(part, hourCycle)).join('')
  }

  const lines = []
  const put = (key, value) => lines.push(`${key}\t${[value].flat().map(escape).join('|')}`)
  for (const [kind, widths] of Object.entries(names)) {
    for (const [width, forms] of Object.entries(widths)) {
      put(`${kind}.${width}`, forms.alone)
      if (forms.format.join() !== forms.alone.join()) put(`${kind}.${width}.format`, forms.format)
    }
  }
  put('meridiems', meridiems)
  for (const width of ['long', 'short', 'narrow']) put(`eras.${width}`, [-40, 2017].map((year) => part({ era: width }, 'era', new Date(Date.UTC(year, 0, 1)))))
  const intl = new Intl.Locale(tag)
  const week = intl.getWeekInfo?.() ?? intl.weekInfo
  put('week', [week.firstDay, week.minimalDays, ...week.weekend].map(String))
  const number = new Intl.NumberFormat(tag).formatToParts(-1234567.5)
  const sign = (type) => number.find((part) => part.type === type)?.value ?? ''
  const groups = new Intl.NumberFormat(tag).formatToParts(123456789).filter((part) => part.type === 'integer')
  put('number', [sign('decimal'), sign('group'), new Intl.NumberFormat(tag).format(1234).length === 4 ? '2' : '1', String(groups.at(-2).value.length)])
  // The number as {}, in percent and with a currency as ¤; then what currencies are called.
  const shape = (options, number = 1) => new Intl.NumberFormat(tag, { maximumFractionDigits: 0, ...options }).formatToParts(number)
    .map(({ type, value }) => ({ integer: '{}', currency: '¤', plusSign: '', minusSign: '' })[type] ?? value).join('')
  put('percent', shape({ style: 'percent' }, 0.01))
  put('currency', [shape({ style: 'currency', currency: 'USD' }), shape({ style: 'currency', currency: 'USD', currencyDisplay: 'code' })])
  put('currencies', CURRENCIES.map((currency) => `${currency}=${new Intl.NumberFormat(tag, { style: 'currency', currency }).formatToParts(1).find((part) => part.type === 'currency').value}`).filter((entry) => entry.split('=')[0] !== entry.split('=')[1]))
  // How thousands, ten thousands and so on are shortened: by how many digits, and what is written instead.
  for (const display of ['short', 'long']) put(`compact.${display}`, Array.from({ length: 12 }, (_, index) => {
    const parts = new Intl.NumberFormat(tag, { notation: 'compact', compactDisplay: display }).formatToParts(10 ** (index + 3))
    const digits = parts.filter((part) => part.type === 'integer').map((part) => part.value).join('').length
    return `${index + 4 - digits}:${parts.map(({ type, value }) => (type === 'integer' ? '{}' : type === 'group' ? '' : value)).join('').replace(/(\{\})+/, '{}')}`
  }))

  const short = { '': '-', numeric: 'n', '2-digit': '2', short: 's', long: 'l' }
  const widths = { weekday: ['', 'short', 'long'], year: ['', 'numeric', '2-digit'], month: ['', 'numeric', '2-digit', 'short', 'long'], day: ['', 'numeric', '2-digit'] }
  for (const weekday of widths.weekday) for (const year of widths.year) for (const month of widths.month) for (const day of widths.day) {
    const options = Object.fromEntries(Object.entries({ weekday, year, month, day }).filter(([, width]) => width))
    if (Object.keys(options).length) put(`date.${[weekday, year, month, day].map((width) => short[width]).join('')}`, pattern(options))
  }
  for (const [cycle, letter] of [['h12', 'h'], ['h23', 'H']]) for (const hour of ['numeric', '2-digit']) for (const minute of ['', 'numeric', '2-digit']) for (const second of minute ? ['', 's'] : ['']) for (const zone of ['', 'z']) {
    const options = { hour, hourCycle: cycle, ...(minute && { minute }), ...(second && { second: minute }), ...(zone && { timeZoneName: 'short' }) }
    put(`time.${letter}${short[hour]}${short[minute]}${second}${zone}`, pattern(options))
  }
  put('cycle', new Intl.DateTimeFormat(tag, { hour: 'numeric' }).resolvedOptions().hourCycle)
  // How zones are written: whether American names are known, then the distance from Greenwich.
  const zone = (timeZone) => part({ hour: 'numeric', timeZone, timeZoneName: 'short' }, 'timeZoneName')
  put('gmt', [zone('America/New_York') === 'EST' ? '1' : '0', zone('Etc/GMT-4').split('+')[0], zone('Etc/GMT+4').match(/(.)4/)[1], zone('Africa/Abidjan')])
  const ends = (whole, start, end) => whole.slice(start.length, whole.length - end.length)
  put('join.weekday', ends(pattern({ weekday: 'short', hour: 'numeric' }), pattern({ weekday: 'short' }), pattern({ hour: 'numeric' })))
  put('join.zone', ends(pattern({ timeZoneName: 'short' }), pattern({}), 'ZZZZ'))
  for (const style of ['full', 'long', 'medium', 'short']) {
    put(`dateStyle.${style}`, pattern({ dateStyle: style }))
    put(`timeStyle.${style}`, pattern({ timeStyle: style }))
    const between = (date, options) => {
      const whole = pattern(options), time = pattern({ hour: 'numeric', minute: '2-digit' })
      const middle = (start) => (whole.startsWith(start) && whole.endsWith(time) ? whole.slice(start.length, whole.length - time.length) : undefined)
      const merged = date.endsWith("'") ? middle(date.slice(0, -1)) : undefined // one literal ends the date and begins the joint
      const joint = middle(date) ?? (merged && `'${merged}`)
      if (joint === undefined) throw new Error(`${tag}: ${whole} is not ${date} and ${time}`)
      return joint
    }
    const date = { full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }, long: { year: 'numeric', month: 'long', day: 'numeric' },
      medium: { year: 'numeric', month: 'short', day: 'numeric' }, short: { year: 'numeric', month: 'numeric', day: 'numeric' } }[style]
    put(`join.${style}`, between(pattern(date), { ...date, hour: 'numeric', minute: '2-digit' }))
    const styled = pattern({ dateStyle: style, timeStyle: 'short' })
    const time = pattern({ timeStyle: 'short' })
    const dated = pattern({ dateStyle: style })
    put(`joinStyle.${style}`, styled.startsWith(dated) ? styled.slice(dated.length, styled.length - time.length) : `'${styled.slice(dated.length - 1, styled.length - time.length)}`)
  }

  const rules = new Intl.PluralRules(tag)
  const samples = { one: 1, two: 2, few: [2, 3, 4], many: [5, 0, 1000000], other: [10, 1.5, 5] }
  const categories = rules.resolvedOptions().pluralCategories
  const example = (category) => [samples[category]].flat().find((number) => rules.select(number) === category) ?? 1.5
  put('plurals', categories)
  for (const style of ['long', 'short', 'narrow']) {
    const literals = (words) => new Intl.ListFormat(tag, { style }).formatToParts(words).filter((part) => part.type === 'literal').map((part) => part.value)
    put(`list.${style}`, [literals(['A', 'B'])[0], ...literals(['A', 'B', 'C'])])
  }
  for (const unit of UNITS) {
    const format = (number, display) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: display }).format(number).replace(new Intl.NumberFormat(tag).format(number), '{}')
    if (unit !== 'quarter') for (const display of ['long', 'short', 'narrow']) put(`unit.${unit}.${display}`, categories.map((category) => format(example(category), display)))
    if (unit === 'millisecond') continue
    const relative = new Intl.RelativeTimeFormat(tag, { numeric: 'always' })
    const form = (sign) => categories.map((category) => relative.format(sign * example(category), unit).replace(new Intl.NumberFormat(tag).format(example(category)), '{}'))
    put(`past.${unit}`, form(-1))
    put(`future.${unit}`, form(1))
    const auto = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })
    put(`relative.${unit}`, [-1, 0, 1].map((n) => auto.format(n === 0 ? 0 : n, unit)))
  }
  return lines.join('\n') + '\n'
}

// English names of zones: the four names, then the zones that have them. Other languages write the offset instead.
function zones() {
  const known = Intl.supportedValuesOf('timeZone')
  const links = existsSync(TZDATA) ? readFileSync(TZDATA, 'utf8').split('\n').filter((line) => line.startsWith('L ')).map((line) => line.split(' ')[2]) : []
  const groups = new Map()
  for (const zone of [...new Set([...known, ...links, 'UTC', 'Etc/UTC', 'Etc/GMT'])].sort()) {
    const name = (month, width) => {
      try {
        return new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: width }).formatToParts(new Date(Date.UTC(2024, month, 1))).find((part) => part.type === 'timeZoneName').value
      } catch { return undefined }
    }
    const offset = (month) => name(month, 'longOffset')
    const summer = (offset(0) ?? '') < (offset(6) ?? '') === !(offset(0) ?? '').includes('-') ? 6 : 0
    const names = [name(6 - summer, 'short'), name(summer, 'short'), name(6 - summer, 'long'), name(summer, 'long')]
    if (names[0] === undefined || /^GMT[+-]/.test(names[2])) continue
    groups.set(names.join('|'), [...(groups.get(names.join('|')) ?? []), zone])
  }
  return [...groups].map(([names, zones]) => `${names}\t${zones.join(' ')}`).join('\n') + '\n'
}

const folder = dirname(fileURLToPath(import.meta.url))
for (const tag of LOCALES) writeFileSync(join(folder, `${tag}.txt`), locale(tag))
writeFileSync(join(folder, 'zones.txt'), zones())
