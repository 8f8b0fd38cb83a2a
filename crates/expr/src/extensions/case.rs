//! Upper and lower case, and plain letters for special ones.

use std::sync::LazyLock;

use regex::Regex;

/// Capital letters at the start and after `.`, `!` and `?`, small letters elsewhere.
pub(super) fn sentence(text: &str) -> String {
    let mut capital = true;
    let mut sentence = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphabetic() {
            if std::mem::take(&mut capital) {
                sentence.extend(c.to_uppercase());
            } else {
                sentence.extend(c.to_lowercase());
            }
        } else {
            capital |= matches!(c, '.' | '!' | '?');
            sentence.push(c);
        }
    }
    sentence
}

/// Words with a capital letter as in English titles: short ones only at the ends, words with their own capitals and
/// addresses stay as they are.
pub(super) fn title(text: &str) -> String {
    static WORD: LazyLock<Regex> = LazyLock::new(|| fixed(r"[^\s:–—-]+|."));
    static OWN_CASE: LazyLock<Regex> = LazyLock::new(|| fixed(r".[A-Z]|.\.."));
    static SMALL: LazyLock<Regex> = LazyLock::new(|| {
        fixed(concat!(
            r"(?i)(?-u:\b)(?:an?d?|a[st]|because|but|by|en|for|i[fn]|neither|nor|o[fnr]|only|over|per|so|some|tha[tn]",
            r"|the|to|up|upon|vs?\.?|versus|via|when|with|without|yet)(?-u:\b)"
        ))
    });
    let mut title = String::with_capacity(text.len());
    for word in WORD.find_iter(text) {
        let at_end = word.start() == 0 || word.end() == text.len();
        let mut after = text[word.end()..].chars();
        let address = after.next() == Some(':') && !after.next().is_some_and(char::is_whitespace);
        let keep = OWN_CASE.is_match(word.as_str()) || (SMALL.is_match(word.as_str()) && !at_end) || address;
        match word.as_str().find(|c: char| c.is_ascii_alphanumeric() || ('\u{c0}'..='\u{ff}').contains(&c)) {
            Some(first) if !keep => {
                let (before, rest) = word.as_str().split_at(first);
                let mut letters = rest.chars();
                title.push_str(before);
                title.extend(letters.next().into_iter().flat_map(char::to_uppercase));
                title.push_str(letters.as_str());
            }
            _ => title.push_str(word.as_str()),
        }
    }
    title
}

/// Small letters, `_` for blanks and dashes, no punctuation.
pub(super) fn snake(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept = lower.chars().filter(|c| match c {
        ' ' | '-' | '_' => true,
        '\u{2000}'..='\u{206f}' | '\u{2e00}'..='\u{2e7f}' => false,
        c => !c.is_ascii_punctuation(),
    });
    kept.map(|c| if matches!(c, ' ' | '-') { '_' } else { c }).collect()
}

/// The nearest text in ASCII: letters without accents, other scripts by their sound, `?` for what has neither.
pub(super) fn to_ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    // Characters beyond the first plane, emoji for one, count as unknown.
    let known: String = text.chars().map(|c| if c > '\u{ffff}' { '?' } else { c }).collect();
    deunicode::deunicode_with_tofu(&known, "?")
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_start_with_a_capital_letter() {
        assert_eq!(sentence("i am. a TEST! hello? yes"), "I am. A test! Hello? Yes");
        assert_eq!(sentence("  élan. ÉTÉ"), "  Élan. Été");
    }

    #[test]
    fn titles_keep_short_words_small_and_own_capitals() {
        assert_eq!(title("the lord of the rings"), "The Lord of the Rings");
        assert_eq!(title("tHe quick BROWN fox's"), "tHe Quick BROWN Fox's");
        assert_eq!(title("the-quick_brown fox"), "The-Quick_brown Fox");
    }

    #[test]
    fn special_letters_become_plain_ones() {
        assert_eq!(to_ascii("déjà vu ñ ß ø ü Ł œ"), "deja vu n ss o u L oe");
        assert_eq!(to_ascii("中文 “q” 😀"), "Zhong Wen \"q\" ?");
    }

    #[test]
    fn snake_case_has_no_punctuation() {
        assert_eq!(snake("I am a test! (really)"), "i_am_a_test_really");
        assert_eq!(snake("x - “y”"), "x___y");
    }
}
