//! Regular expressions as JavaScript has them: lookaround, backreferences, named groups, all by backtracking within a
//! limit of steps.
//!
//! Why an engine of our own: `regress` matches JavaScript exactly but cannot be stopped, `fancy-regex` can be stopped
//! but differs in what matters here (captures of repeated groups, backreferences to groups that took no part, `$`,
//! `\s`, lookbehind of any length). Every step is paid from the fuel of the evaluation, and the stack of alternatives
//! has a limit of its own, so no pattern takes more time or memory than the expression around it may.
//!
//! Text is matched by code points, with or without the `u` flag.

mod compile;
mod matcher;
mod parse;
mod set;

use std::cell::Cell;
use std::sync::Arc;

use ecow::eco_format;
use model::Text;

use crate::error::Limit;
use crate::{Cx, Error, Limits, Value};

pub(crate) use matcher::Match;

/// A pattern that cannot be compiled.
#[derive(Debug)]
pub(crate) struct BadPattern(pub(crate) Text);

/// A compiled pattern; shared by all evaluations.
#[derive(Debug)]
pub(crate) struct Program {
    source: Text,
    flags: Text,
    /// Capture groups, the whole match included.
    groups: usize,
    names: Vec<(Text, usize)>,
    code: Vec<compile::Instruction>,
    /// Counters of loops.
    registers: usize,
    /// What every match starts with, to skip ahead.
    start: Option<set::Set>,
}

impl Program {
    /// Compiles a pattern.
    pub(crate) fn compile(source: &str, flags: &str) -> Result<Self, BadPattern> {
        let mut sorted: Vec<char> = flags.chars().collect();
        sorted.sort_unstable();
        let repeated = sorted.windows(2).any(|pair| pair[0] == pair[1]);
        if repeated || sorted.iter().any(|flag| !"dgimsuvy".contains(*flag)) {
            return Err(BadPattern(eco_format!("Invalid flags supplied to RegExp constructor '{flags}'")));
        }
        let parsed = parse::parse(source, flags)?;
        let compiled = compile::compile(&parsed)?;
        Ok(Self {
            source: source.into(),
            flags: sorted.into_iter().collect(),
            groups: parsed.groups,
            names: parsed.names,
            start: compiled.start,
            code: compiled.code,
            registers: compiled.registers,
        })
    }

    /// The first match at or behind byte `from`; only at `from` when `sticky`.
    pub(crate) fn find(
        &self,
        budget: &dyn Budget,
        text: &str,
        from: usize,
        sticky: bool,
    ) -> Result<Option<Match>, Error> {
        matcher::find(self, budget, text, from, sticky)
    }

    /// Group names and their numbers.
    pub(crate) fn names(&self) -> &[(Text, usize)] {
        &self.names
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

/// Who pays for the steps of a match.
pub(crate) trait Budget {
    /// Pays for this many steps, before they are done.
    fn charge(&self, steps: usize) -> Result<(), Error>;
}

impl Budget for Cx<'_> {
    fn charge(&self, steps: usize) -> Result<(), Error> {
        Cx::charge(self, steps)
    }
}

/// Steps that are left of a search outside any evaluation.
struct Steps(Cell<u64>);

impl Budget for Steps {
    fn charge(&self, steps: usize) -> Result<(), Error> {
        let left = self.0.get().checked_sub(steps as u64).ok_or_else(|| Error::limit(Limit::Fuel))?;
        self.0.set(left);
        Ok(())
    }
}

/// A regular expression with JavaScript's meaning, for conditions outside expressions.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<Program>);

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(source: &str, flags: &str) -> Result<Self, Error> {
        match Program::compile(source, flags) {
            Ok(program) => Ok(Self(Arc::new(program))),
            Err(bad) => {
                let message = eco_format!("Invalid regular expression: /{source}/{flags}: {}", bad.0);
                Err(Error::thrown(message).named("SyntaxError"))
            }
        }
    }

    /// Whether the text has a match, within the steps an expression has by default.
    pub fn is_match(&self, text: &str) -> Result<bool, Error> {
        let steps = Steps(Cell::new(Limits::default().fuel));
        Ok(self.0.find(&steps, text, 0, self.0.has('y'))?.is_some())
    }
}

/// A `RegExp` object.
#[derive(Debug)]
pub struct RegExp {
    pub(crate) program: Arc<Program>,
    /// Where the next match of a global or sticky one starts, in UTF-16 units.
    pub(crate) last_index: Cell<f64>,
}

impl RegExp {
    pub(crate) fn new(program: Arc<Program>) -> Self {
        Self { program, last_index: Cell::new(0.0) }
    }

    /// The pattern text.
    pub fn source(&self) -> &Text {
        &self.program.source
    }

    /// The flags, in alphabetical order.
    pub fn flags(&self) -> &Text {
        &self.program.flags
    }

    pub(crate) fn is_global(&self) -> bool {
        self.program.has('g')
    }

    pub(crate) fn is_sticky(&self) -> bool {
        self.program.has('y')
    }

    pub(crate) fn has_indices(&self) -> bool {
        self.program.has('d')
    }

    /// Members such as `source`, `flags`, `global`, `lastIndex`.
    pub(crate) fn property(&self, key: &str) -> Option<Value> {
        let flag = match key {
            "source" => return Some(Value::String(self.source().clone())),
            "flags" => return Some(Value::String(self.flags().clone())),
            "lastIndex" => return Some(Value::Number(self.last_index.get())),
            "global" => 'g',
            "ignoreCase" => 'i',
            "multiline" => 'm',
            "dotAll" => 's',
            "unicode" => 'u',
            "unicodeSets" => 'v',
            "sticky" => 'y',
            "hasIndices" => 'd',
            _ => return None,
        };
        Some(Value::Bool(self.program.has(flag)))
    }
}

#[cfg(test)]
mod tests;
