//! Reading the texts V8 reads as dates.

use super::days_from_civil;

const DAY: f64 = 86_400_000.0;

/// JavaScript's `Date.parse(text)`, in milliseconds since 1970; `NaN` for what is no date. Without an offset, the time
/// zone is that of the process: UTC.
pub fn parse(text: &str) -> f64 {
    let text = text.trim();
    let ms = iso(text).or_else(|| legacy(text)).unwrap_or(f64::NAN);
    if ms.abs() <= super::FURTHEST { ms } else { f64::NAN }
}

/// The format of the standard: `2024-03-30T18:49:07.123+01:00` and its short forms.
fn iso(text: &str) -> Option<f64> {
    let mut scan = Scan(text.as_bytes());
    let year = match scan.0.first()? {
        sign @ (b'+' | b'-') => {
            let negative = *sign == b'-';
            scan.0 = &scan.0[1..];
            let year = scan.digits(6)?;
            if negative { -year } else { year }
        }
        _ => scan.digits(4)?,
    };
    let mut month = 1.0;
    let mut day = 1.0;
    if scan.eat(b'-') {
        month = scan.digits(2)?;
        if scan.eat(b'-') {
            day = scan.digits(2)?;
        }
    }
    let mut time = 0.0;
    let mut offset = 0.0;
    if scan.eat(b'T') || scan.eat(b't') || scan.eat(b' ') {
        let hour = scan.digits(2)?;
        scan.expect(b':')?;
        let minute = scan.digits(2)?;
        let mut second = 0.0;
        let mut fraction = 0.0;
        if scan.eat(b':') {
            second = scan.digits(2)?;
            if scan.eat(b'.') || scan.eat(b',') {
                fraction = scan.fraction()?;
            }
        }
        if hour > 24.0 || minute > 59.0 || second > 59.0 || hour == 24.0 && minute + second + fraction > 0.0 {
            return None;
        }
        time = hour * 3_600_000.0 + minute * 60_000.0 + second * 1000.0 + fraction;
        offset = scan.offset()?;
    }
    if !scan.0.is_empty() || !(1.0..=12.0).contains(&month) || !(1.0..=31.0).contains(&day) {
        return None;
    }
    Some(days_from_civil(year, month - 1.0, day) * DAY + time - offset)
}

struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    fn digits(&mut self, count: usize) -> Option<f64> {
        let digits = self.0.get(..count)?;
        let mut number = 0.0;
        for digit in digits {
            number = number * 10.0 + f64::from(char::from(*digit).to_digit(10)?);
        }
        self.0 = &self.0[count..];
        Some(number)
    }

    /// Digits behind the point, as milliseconds.
    fn fraction(&mut self) -> Option<f64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut scale = 100.0;
        let mut ms = 0.0;
        for digit in &self.0[..count] {
            ms += f64::from(digit - b'0') * scale;
            scale /= 10.0;
        }
        self.0 = &self.0[count..];
        (count > 0).then(|| (ms + 1e-6).floor())
    }

    fn offset(&mut self) -> Option<f64> {
        if self.eat(b'Z') || self.eat(b'z') || self.0.is_empty() {
            return Some(0.0);
        }
        let sign = if self.eat(b'-') {
            -1.0
        } else {
            self.expect(b'+')?;
            1.0
        };
        let hours = self.digits(2)?;
        self.eat(b':');
        let minutes = if self.0.is_empty() { 0.0 } else { self.digits(2)? };
        Some(sign * (hours * 60.0 + minutes) * 60_000.0)
    }
}

/// V8 counts everything from `A` on as part of a word, brackets too.
fn is_word(c: char) -> bool {
    c >= 'A'
}

/// What V8 reads besides: words for months, American order, `AM` and `PM`, offsets and zone names.
fn legacy(text: &str) -> Option<f64> {
    let mut numbers: Vec<f64> = Vec::new();
    let mut month = None;
    let mut time: Option<[f64; 4]> = None;
    let mut offset = None;
    let mut afternoon = None;
    let mut rest = text;
    // A sign is an offset only behind a time or a zone.
    while let Some(c) = rest.chars().next() {
        if c == '(' {
            rest = rest.find(')').map_or("", |end| &rest[end + 1..]);
        } else if c.is_ascii_digit() {
            let (token, after) = split_while(rest, |c| c.is_ascii_digit());
            let value: f64 = token.parse().ok()?;
            if after.starts_with(':') && time.is_none() {
                let (clock, after) = clock(value, after)?;
                time = Some(clock);
                rest = after;
                continue;
            }
            numbers.push(value);
            if token.len() > 2 && numbers.len() < 3 && value < 100.0 {
                return None;
            }
            rest = after;
        } else if is_word(c) {
            let (word, after) = split_while(rest, is_word);
            rest = after.strip_prefix('.').unwrap_or(after);
            let word = word.to_lowercase();
            match word.as_str() {
                "am" => afternoon = Some(false),
                "pm" => afternoon = Some(true),
                "z" | "gmt" | "ut" | "utc" => offset = Some(offset.unwrap_or(0.0)),
                "est" => offset = Some(-300.0),
                "edt" => offset = Some(-240.0),
                "cst" => offset = Some(-360.0),
                "cdt" => offset = Some(-300.0),
                "mst" => offset = Some(-420.0),
                "mdt" => offset = Some(-360.0),
                "pst" => offset = Some(-480.0),
                "pdt" => offset = Some(-420.0),
                "t" if !numbers.is_empty() => {}
                word => match month_of(word) {
                    Some(index) => {
                        month = Some((index, numbers.len()));
                    }
                    // Words before the first number say nothing; behind it they make the text no date.
                    None if numbers.is_empty()
                        && time.is_none()
                        && !after.starts_with(|c: char| c.is_ascii_digit()) => {}
                    None => return None,
                },
            }
        } else if (c == '+' || c == '-') && (time.is_some() || offset.is_some()) {
            let (digits, after) = split_while(&rest[1..], |c| c.is_ascii_digit() || c == ':');
            let digits = digits.replace(':', "");
            let value: f64 = digits.parse().ok()?;
            let minutes =
                if digits.len() <= 2 { value * 60.0 } else { (value / 100.0).floor() * 60.0 + value % 100.0 };
            offset = Some(if c == '-' { -minutes } else { minutes });
            rest = after;
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    let (year, month, day) = match (month, numbers.as_slice()) {
        (Some((month, _)), [day, year]) if *day <= 31.0 => (short_year(*year), month, *day),
        (Some((month, _)), [year, day]) if *year > 31.0 => (*year, month, *day),
        (Some((month, _)), [day]) if *day <= 31.0 => (2001.0, month, *day),
        (Some((month, _)), [year]) => (*year, month, 1.0),
        (None, [year, month, day]) if *year > 31.0 => (*year, month - 1.0, *day),
        (None, [month, day, year]) if *month <= 12.0 => (short_year(*year), month - 1.0, *day),
        (None, [month, day]) if *month <= 12.0 && *day <= 31.0 => (2001.0, month - 1.0, *day),
        (None, [year, month]) if *year > 31.0 => (*year, month - 1.0, 1.0),
        (None, [month, year]) if *month <= 12.0 => (*year, month - 1.0, 1.0),
        (None, [month]) if (1.0..=12.0).contains(month) => (2001.0, month - 1.0, 1.0),
        (None, [year]) if *year > 31.0 || *year == 0.0 => (short_year(*year), 0.0, 1.0),
        _ => return None,
    };
    if !(0.0..=11.0).contains(&month) || !(1.0..=31.0).contains(&day) {
        return None;
    }
    let [mut hour, minute, second, ms] = time.unwrap_or_default();
    if let Some(afternoon) = afternoon {
        if !(1.0..=12.0).contains(&hour) {
            return None;
        }
        hour = hour % 12.0 + if afternoon { 12.0 } else { 0.0 };
    }
    if hour > 24.0 || minute > 59.0 || second > 59.0 {
        return None;
    }
    let clock = hour * 3_600_000.0 + minute * 60_000.0 + second * 1000.0 + ms;
    Some(days_from_civil(year, month, day) * DAY + clock - offset.unwrap_or(0.0) * 60_000.0)
}

/// `12:34`, `12:34:56` or `12:34:56.789`, whose hour is read already.
fn clock(hour: f64, rest: &str) -> Option<([f64; 4], &str)> {
    let mut parts = [hour, 0.0, 0.0, 0.0];
    let mut rest = rest;
    for part in &mut parts[1..3] {
        let Some(after) = rest.strip_prefix(':') else { break };
        let (digits, after) = split_while(after, |c| c.is_ascii_digit());
        *part = digits.parse().ok()?;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('.') {
        let (digits, after) = split_while(after, |c| c.is_ascii_digit());
        parts[3] = (format!("0.{digits}").parse::<f64>().ok()? * 1000.0).floor();
        rest = after;
    }
    Some((parts, rest))
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn short_year(year: f64) -> f64 {
    match year {
        year if (0.0..50.0).contains(&year) => year + 2000.0,
        year if (50.0..100.0).contains(&year) => year + 1900.0,
        year => year,
    }
}

/// The month a word starts like.
fn month_of(word: &str) -> Option<f64> {
    let start = word.get(..3)?;
    let index = super::MONTHS.iter().position(|month| month.eq_ignore_ascii_case(start))?;
    Some(index as f64)
}

#[cfg(test)]
mod tests {
    use super::super::to_iso;
    use super::*;

    #[test]
    fn texts_are_read_as_v8_reads_them_in_utc() {
        for (text, iso) in [
            ("2024-03-30", "2024-03-30T00:00:00.000Z"),
            ("2024-03-30T18:49", "2024-03-30T18:49:00.000Z"),
            ("2024-03-30T18:49:07.1234Z", "2024-03-30T18:49:07.123Z"),
            ("2024-03-30T18:49:07+02:00", "2024-03-30T16:49:07.000Z"),
            ("2024-03-30 18:49:07", "2024-03-30T18:49:07.000Z"),
            ("2024", "2024-01-01T00:00:00.000Z"),
            ("2024-3-5", "2024-03-05T00:00:00.000Z"),
            ("2024/03/05 10:00", "2024-03-05T10:00:00.000Z"),
            ("1-Feb-2024", "2024-02-01T00:00:00.000Z"),
            ("Feb 1, 2024", "2024-02-01T00:00:00.000Z"),
            ("February 1, 2024 3:05 PM", "2024-02-01T15:05:00.000Z"),
            ("1 February 2024 00:00 UTC", "2024-02-01T00:00:00.000Z"),
            ("Thu, 01 Feb 2024 10:20:30 GMT", "2024-02-01T10:20:30.000Z"),
            ("Thu, 01 Feb 2024 10:20:30 -0500", "2024-02-01T15:20:30.000Z"),
            (
                "Thu Feb 01 2024 10:20:30 GMT+0100 (Central European Standard Time)",
                "2024-02-01T09:20:30.000Z",
            ),
            ("3/4/2024", "2024-03-04T00:00:00.000Z"),
            ("12/31/99 11:59 pm", "1999-12-31T23:59:00.000Z"),
        ] {
            assert_eq!(to_iso(parse(text)).as_deref(), Some(iso), "{text}");
        }
        for text in ["", "hello", "2024-13-01", "31/12/2024", "tomorrow", "2022-09-32T19:42:28.164Z"] {
            assert!(parse(text).is_nan(), "{text}");
        }
    }
}
