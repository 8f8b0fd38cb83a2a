//! From the text of a pattern to its tree, with the leniency browsers have outside the `u` flag.

use model::Text;

use super::BadPattern;
use super::set::Set;

/// How deeply groups may be nested.
const DEPTH: usize = 100;

/// A pattern.
#[derive(Debug)]
pub(super) enum Node {
    Empty,
    /// One character of a set.
    Set(Set),
    Char(char, bool),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    /// A capture group, with its number.
    Group(usize, Box<Node>),
    BackReference(Vec<usize>, bool),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: u32,
        greedy: bool,
        groups: (usize, usize),
    },
    Look {
        node: Box<Node>,
        ahead: bool,
        negated: bool,
    },
    Start {
        multiline: bool,
    },
    End {
        multiline: bool,
    },
    WordBoundary(bool),
}

/// A whole pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) node: Node,
    /// Groups, the whole match included.
    pub(super) groups: usize,
    pub(super) names: Vec<(Text, usize)>,
}

#[derive(Clone, Copy)]
struct Flags {
    ignore_case: bool,
    multiline: bool,
    dot_all: bool,
    unicode: bool,
}

pub(super) fn parse(source: &str, flags: &str) -> Result<Pattern, BadPattern> {
    let chars: Vec<char> = source.chars().collect();
    let (total, names) = count_groups(&chars)?;
    let mut parser = Parser {
        chars,
        at: 0,
        groups: 1,
        total,
        names,
        depth: 0,
        flags: Flags {
            ignore_case: flags.contains('i'),
            multiline: flags.contains('m'),
            dot_all: flags.contains('s'),
            unicode: flags.contains(['u', 'v']),
        },
    };
    let node = parser.either()?;
    if parser.at < parser.chars.len() {
        return Err(bad("Unmatched ')'"));
    }
    Ok(Pattern { node, groups: parser.groups, names: parser.names })
}

#[cold]
fn bad(message: &str) -> BadPattern {
    BadPattern(message.into())
}

/// Numbers and names of groups, which backreferences need before the groups are reached.
fn count_groups(chars: &[char]) -> Result<(usize, Vec<(Text, usize)>), BadPattern> {
    let mut total = 1;
    let mut names = Vec::new();
    let mut in_class = false;
    let mut at = 0;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let named = chars.get(at + 1) == Some(&'?')
                    && chars.get(at + 2) == Some(&'<')
                    && !matches!(chars.get(at + 3), Some('=' | '!'));
                if named {
                    let name: Text = chars[at + 3..].iter().copied().take_while(|c| *c != '>').collect();
                    if name.is_empty() {
                        return Err(bad("Invalid capture group name"));
                    }
                    names.push((name, total));
                    total += 1;
                } else if chars.get(at + 1) != Some(&'?') {
                    total += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok((total, names))
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    /// Groups met so far.
    groups: usize,
    /// Groups there are.
    total: usize,
    names: Vec<(Text, usize)>,
    depth: usize,
    flags: Flags,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, text: &str) -> bool {
        let matches = text.chars().enumerate().all(|(index, c)| self.chars.get(self.at + index) == Some(&c));
        if matches {
            self.at += text.chars().count();
        }
        matches
    }

    fn either(&mut self) -> Result<Node, BadPattern> {
        if self.depth > DEPTH {
            return Err(bad("Regular expression too large"));
        }
        self.depth += 1;
        let mut branches = vec![self.sequence()?];
        while self.eat("|") {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Either(branches) })
    }

    fn sequence(&mut self) -> Result<Node, BadPattern> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            let groups = self.groups;
            let node = self.term()?;
            nodes.push(self.quantified(node, groups)?);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.remove(0),
            _ => Node::Sequence(nodes),
        })
    }

    fn quantified(&mut self, node: Node, groups: usize) -> Result<Node, BadPattern> {
        let start = self.at;
        let (min, max) = match self.peek() {
            Some('*') => (0, u32::MAX),
            Some('+') => (1, u32::MAX),
            Some('?') => (0, 1),
            Some('{') => match self.braces() {
                Some(bounds) => bounds,
                None if self.flags.unicode => return Err(bad("Incomplete quantifier")),
                None => {
                    self.at = start;
                    return Ok(node);
                }
            },
            _ => return Ok(node),
        };
        if self.at == start {
            self.at += 1;
        }
        if min > max {
            return Err(bad("numbers out of order in {} quantifier"));
        }
        if matches!(
            node,
            Node::Start { .. } | Node::End { .. } | Node::WordBoundary(_) | Node::Look { ahead: false, .. }
        ) {
            return Err(bad("Nothing to repeat"));
        }
        let greedy = !self.eat("?");
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(bad("Nothing to repeat"));
        }
        Ok(Node::Repeat { node: Box::new(node), min, max, greedy, groups: (groups, self.groups) })
    }

    /// `{2}`, `{2,}`, `{2,3}`; `None` when the braces are just braces.
    fn braces(&mut self) -> Option<(u32, u32)> {
        self.at += 1;
        let min = self.number()?;
        let max = if self.eat(",") {
            if self.peek() == Some('}') { u32::MAX } else { self.number()? }
        } else {
            min
        };
        self.eat("}").then_some((min, max))
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(u32::MAX)) }
    }

    fn term(&mut self) -> Result<Node, BadPattern> {
        let c = self.peek().ok_or_else(|| bad("Unexpected end of pattern"))?;
        self.at += 1;
        Ok(match c {
            '^' => Node::Start { multiline: self.flags.multiline },
            '$' => Node::End { multiline: self.flags.multiline },
            '.' if self.flags.dot_all => Node::Set(Set::default().negated()),
            '.' => Node::Set(Set::line_ends().negated()),
            '(' => self.group()?,
            '[' => self.class()?,
            '\\' => self.escape()?,
            '*' | '+' | '?' => return Err(bad("Nothing to repeat")),
            '{' if self.flags.unicode => return Err(bad("Nothing to repeat")),
            '{' => {
                let start = self.at;
                self.at -= 1;
                if self.braces().is_some() {
                    return Err(bad("Nothing to repeat"));
                }
                self.at = start;
                self.literal('{')
            }
            ']' | '}' if self.flags.unicode => return Err(bad("Lone quantifier brackets")),
            c => self.literal(c),
        })
    }

    fn literal(&self, c: char) -> Node {
        Node::Char(c, self.flags.ignore_case)
    }

    fn set(&self, set: Set) -> Node {
        Node::Set(if self.flags.ignore_case { set.folded() } else { set })
    }

    fn group(&mut self) -> Result<Node, BadPattern> {
        let outer = self.flags;
        let node = if self.eat("?:") {
            self.either()?
        } else if self.eat("?=") {
            self.look(true, false)?
        } else if self.eat("?!") {
            self.look(true, true)?
        } else if self.eat("?<=") {
            self.look(false, false)?
        } else if self.eat("?<!") {
            self.look(false, true)?
        } else if self.eat("?<") {
            while let Some(c) = self.peek() {
                self.at += 1;
                if c == '>' {
                    break;
                }
            }
            self.capture()?
        } else if self.eat("?") {
            self.modifiers()?;
            self.either()?
        } else {
            self.capture()?
        };
        self.flags = outer;
        if !self.eat(")") {
            return Err(bad("Unterminated group"));
        }
        Ok(node)
    }

    fn capture(&mut self) -> Result<Node, BadPattern> {
        let number = self.groups;
        self.groups += 1;
        Ok(Node::Group(number, Box::new(self.either()?)))
    }

    fn look(&mut self, ahead: bool, negated: bool) -> Result<Node, BadPattern> {
        Ok(Node::Look { node: Box::new(self.either()?), ahead, negated })
    }

    /// `(?i-s:`
    fn modifiers(&mut self) -> Result<(), BadPattern> {
        let mut on = true;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                ':' => return Ok(()),
                '-' if on => on = false,
                'i' => self.flags.ignore_case = on,
                'm' => self.flags.multiline = on,
                's' => self.flags.dot_all = on,
                _ => break,
            }
        }
        Err(bad("Invalid group"))
    }

    fn escape(&mut self) -> Result<Node, BadPattern> {
        let c = self.peek().ok_or_else(|| bad("\\ at end of pattern"))?;
        match c {
            'b' | 'B' => {
                self.at += 1;
                Ok(Node::WordBoundary(c == 'b'))
            }
            'k' if self.flags.unicode || !self.names.is_empty() => {
                self.at += 1;
                if !self.eat("<") {
                    return Err(bad("Invalid named reference"));
                }
                let mut name = Text::new();
                while let Some(c) = self.peek() {
                    self.at += 1;
                    if c == '>' {
                        break;
                    }
                    name.push(c);
                }
                let groups: Vec<usize> =
                    self.names.iter().filter(|(known, _)| *known == name).map(|(_, group)| *group).collect();
                if groups.is_empty() {
                    return Err(bad("Invalid named capture referenced"));
                }
                Ok(Node::BackReference(groups, self.flags.ignore_case))
            }
            '1'..='9' => {
                let start = self.at;
                let number = self.number().unwrap_or(0) as usize;
                if number < self.total {
                    return Ok(Node::BackReference(vec![number], self.flags.ignore_case));
                }
                if self.flags.unicode {
                    return Err(bad("Invalid escape"));
                }
                self.at = start;
                let c = self.escaped_char(false)?;
                Ok(self.literal(c))
            }
            _ => match self.escaped_set()? {
                Some(set) => Ok(self.set(set)),
                None => {
                    let c = self.escaped_char(false)?;
                    Ok(self.literal(c))
                }
            },
        }
    }

    /// `\d`, `\w`, `\p{...}` and so on.
    fn escaped_set(&mut self) -> Result<Option<Set>, BadPattern> {
        let Some(c) = self.peek() else { return Ok(None) };
        let set = match c {
            'd' | 'D' => Set::digit(),
            'w' | 'W' => Set::word(),
            's' | 'S' => Set::space(),
            'p' | 'P' if self.flags.unicode => {
                self.at += 1;
                if !self.eat("{") {
                    return Err(bad("Invalid property name"));
                }
                let mut name = String::new();
                while let Some(c) = self.peek() {
                    self.at += 1;
                    if c == '}' {
                        break;
                    }
                    name.push(c);
                }
                let set = Set::property(&name)?;
                return Ok(Some(if c == 'P' { set.negated() } else { set }));
            }
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(if c.is_ascii_uppercase() { set.negated() } else { set }))
    }

    /// The character an escape stands for.
    fn escaped_char(&mut self, in_class: bool) -> Result<char, BadPattern> {
        let c = self.peek().ok_or_else(|| bad("\\ at end of pattern"))?;
        self.at += 1;
        Ok(match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'f' => '\u{c}',
            'b' if in_class => '\u{8}',
            'c' => match self.peek() {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.at += 1;
                    char::from(letter as u8 % 32)
                }
                _ if self.flags.unicode => return Err(bad("Invalid unicode escape")),
                _ => {
                    self.at -= 1;
                    '\\'
                }
            },
            'x' => self.hex(2).unwrap_or('x'),
            'u' => self.unicode_escape()?,
            '0'..='7' if !self.flags.unicode || c == '0' => {
                let mut value = c as u32 - 48;
                while let Some(digit) =
                    self.peek().and_then(|c| c.to_digit(8)).filter(|_| !self.flags.unicode)
                {
                    if value * 8 + digit > 255 {
                        break;
                    }
                    value = value * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(value).unwrap_or('\0')
            }
            c if self.flags.unicode && (c.is_ascii_alphanumeric() || c == '_') => {
                return Err(bad("Invalid escape"));
            }
            c => c,
        })
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let mut value = 0;
        for index in 0..digits {
            value = value * 16 + self.chars.get(self.at + index)?.to_digit(16)?;
        }
        self.at += digits;
        Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unicode_escape(&mut self) -> Result<char, BadPattern> {
        if self.flags.unicode && self.eat("{") {
            let mut value: u32 = 0;
            while let Some(digit) = self.peek().and_then(|c| c.to_digit(16)) {
                value = value.saturating_mul(16).saturating_add(digit);
                self.at += 1;
            }
            let c = char::from_u32(value).ok_or_else(|| bad("Invalid Unicode escape"))?;
            return if self.eat("}") { Ok(c) } else { Err(bad("Invalid Unicode escape")) };
        }
        let start = self.at;
        let Some(unit) = self.surrogate() else {
            self.at = start;
            return if self.flags.unicode { Err(bad("Invalid Unicode escape")) } else { Ok('u') };
        };
        // Two escapes may make one character.
        let after = self.at;
        if (0xd800..0xdc00).contains(&unit) && self.eat("\\u") {
            if let Some(low) = self.surrogate().filter(|low| (0xdc00..0xe000).contains(low)) {
                let point = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn surrogate(&mut self) -> Option<u32> {
        let mut value = 0;
        for index in 0..4 {
            value = value * 16 + self.chars.get(self.at + index)?.to_digit(16)?;
        }
        self.at += 4;
        Some(value)
    }

    fn class(&mut self) -> Result<Node, BadPattern> {
        let negated = self.eat("^");
        let mut ranges = Vec::new();
        loop {
            let c = self.peek().ok_or_else(|| bad("Unterminated character class"))?;
            if c == ']' {
                self.at += 1;
                break;
            }
            let start = self.class_atom()?;
            let dash = self.peek() == Some('-') && !matches!(self.chars.get(self.at + 1), None | Some(']'));
            if !dash {
                add(&mut ranges, &start);
                continue;
            }
            self.at += 1;
            let end = self.class_atom()?;
            match (&start, &end) {
                (Atom::Char(start), Atom::Char(end)) if start <= end => {
                    ranges.push((*start as u32, *end as u32));
                }
                (Atom::Char(_), Atom::Char(_)) => return Err(bad("Range out of order in character class")),
                _ => {
                    add(&mut ranges, &start);
                    add(&mut ranges, &end);
                    ranges.push(('-' as u32, '-' as u32));
                }
            }
        }
        let set = Set::new(ranges);
        let set = if self.flags.ignore_case { set.folded() } else { set };
        Ok(Node::Set(if negated { set.negated() } else { set }))
    }

    fn class_atom(&mut self) -> Result<Atom, BadPattern> {
        let c = self.peek().ok_or_else(|| bad("Unterminated character class"))?;
        self.at += 1;
        if c != '\\' {
            return Ok(Atom::Char(c));
        }
        if let Some(set) = self.escaped_set()? {
            return Ok(Atom::Set(set));
        }
        if self.peek() == Some('-') {
            self.at += 1;
            return Ok(Atom::Char('-'));
        }
        Ok(Atom::Char(self.escaped_char(true)?))
    }
}

/// A member of a character class.
enum Atom {
    Char(char),
    Set(Set),
}

fn add(ranges: &mut Vec<(u32, u32)>, atom: &Atom) {
    match atom {
        Atom::Char(c) => ranges.push((*c as u32, *c as u32)),
        Atom::Set(set) => ranges.extend_from_slice(set.ranges()),
    }
}
