//! Numbers as JavaScript writes them.

use model::Text;

/// Whether JavaScript's `trim` and `Number` take it for white space.
pub(crate) fn is_js_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// `String(number)`: the shortest digits that read back as the same number, in JavaScript's notation.
pub(crate) fn number_to_text(number: f64) -> Text {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        let mut buffer = [0u8; 20];
        return Text::from(write_integer(number as i64, &mut buffer));
    }
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    let (digits, exponent) = shortest(number.abs());
    let mut text = Text::new();
    if number < 0.0 {
        text.push('-');
    }
    let count = digits.len() as i32;
    if (1..=21).contains(&exponent) {
        if count <= exponent {
            text.push_str(&digits);
            (count..exponent).for_each(|_| text.push('0'));
        } else {
            let (whole, fraction) = digits.split_at(exponent as usize);
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
    } else if (-5..=0).contains(&exponent) {
        text.push_str("0.");
        (exponent..0).for_each(|_| text.push('0'));
        text.push_str(&digits);
    } else {
        let (first, rest) = digits.split_at(1);
        text.push_str(first);
        if !rest.is_empty() {
            text.push('.');
            text.push_str(rest);
        }
        text.push_str(&ecow::eco_format!("e{:+}", exponent - 1));
    }
    text
}

/// The shortest decimal digits of a positive number, and where the decimal point stands: `0.digits * 10^exponent`.
fn shortest(number: f64) -> (String, i32) {
    // `{:e}` gives the shortest digits that round trip, as JavaScript wants them.
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').expect("scientific notation has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a whole number");
    (mantissa.replace('.', ""), exponent + 1)
}

fn write_integer(number: i64, buffer: &mut [u8; 20]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    std::str::from_utf8(&buffer[at..]).expect("digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (42.0, "42"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e21, "1e+21"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (0.000001, "0.000001"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (9007199254740993.0, "9007199254740992"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number_to_text(number), text);
        }
    }
}
