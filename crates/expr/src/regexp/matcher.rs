//! Runs the instructions of a pattern over a text, with backtracking.

use super::compile::Instruction;
use super::set::{Set, lower, upper};
use super::{Budget, Program};
use crate::Error;
use crate::error::Limit;

/// How many alternatives may wait at once.
const ALTERNATIVES: usize = 200_000;
/// Steps that are paid for at once.
const BATCH: usize = 256;
/// How deeply lookarounds may be nested.
const LOOKS: usize = 100;
/// No place in the text.
const NOWHERE: usize = usize::MAX;

/// Where the groups of a match are, in bytes; the whole match is group 0.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    saved: Vec<usize>,
}

impl Match {
    /// The range of a group that took part.
    pub(crate) fn group(&self, number: usize) -> Option<std::ops::Range<usize>> {
        let (start, end) = (*self.saved.get(number * 2)?, *self.saved.get(number * 2 + 1)?);
        (start != NOWHERE && end != NOWHERE).then_some(start..end)
    }

    /// How many groups there are, the whole match included.
    pub(crate) fn groups(&self) -> usize {
        self.saved.len() / 2
    }

    /// Where the whole match starts.
    pub(crate) fn start(&self) -> usize {
        self.saved[0]
    }

    /// Where the whole match ends.
    pub(crate) fn end(&self) -> usize {
        self.saved[1]
    }
}

pub(super) fn find(
    program: &Program,
    budget: &dyn Budget,
    text: &str,
    from: usize,
    sticky: bool,
) -> Result<Option<Match>, Error> {
    let mut machine = Machine {
        program,
        budget,
        text,
        steps: 0,
        saved: vec![NOWHERE; program.groups * 2],
        registers: vec![0; program.registers],
        trail: Vec::new(),
        looks: 0,
    };
    let mut at = from;
    loop {
        if let Some(start) = &program.start
            && !sticky
        {
            // Nothing before the first character that can start a match.
            let skipped =
                text[at..].char_indices().find(|(_, c)| start.contains(*c)).map(|(skipped, _)| skipped);
            budget.charge(skipped.unwrap_or(text.len() - at) / 8)?;
            match skipped {
                Some(skipped) => at += skipped,
                None => return Ok(None),
            }
        }
        if machine.run(0, at)?.is_some() {
            return Ok(Some(Match { saved: machine.saved }));
        }
        if sticky {
            return Ok(None);
        }
        match text[at..].chars().next() {
            Some(c) => at += c.len_utf8(),
            None => return Ok(None),
        }
        machine.saved.fill(NOWHERE);
    }
}

/// What to do when the current way fails.
enum Back {
    /// Try another way.
    Way { pc: usize, at: usize },
    /// Give one character back, as long as the run stays this long.
    Shorter { pc: usize, at: usize, least: usize, back: bool },
    /// Take one character more, as long as there may be more.
    Longer { pc: usize, at: usize, left: u32 },
    /// Put a saved place back.
    Saved(usize, usize),
    /// Put a register back.
    Register(usize, usize),
}

struct Machine<'m> {
    program: &'m Program,
    budget: &'m dyn Budget,
    text: &'m str,
    steps: usize,
    saved: Vec<usize>,
    registers: Vec<usize>,
    trail: Vec<Back>,
    looks: usize,
}

impl Machine<'_> {
    /// Runs from an instruction and a place to `Done`; gives the place there.
    fn run(&mut self, pc: usize, at: usize) -> Result<Option<usize>, Error> {
        let base = self.trail.len();
        let (mut pc, mut at) = (pc, at);
        loop {
            self.steps += 1;
            if self.steps >= BATCH {
                self.budget.charge(self.steps)?;
                self.steps = 0;
            }
            if self.trail.len() > ALTERNATIVES {
                return Err(Error::limit(Limit::Memory));
            }
            let next = match &self.program.code[pc] {
                Instruction::Done => {
                    self.budget.charge(self.steps)?;
                    self.steps = 0;
                    return Ok(Some(at));
                }
                Instruction::Char { c, back } => self.step(at, *back, |found| found == *c),
                Instruction::Folded { c, back } => {
                    self.step(at, *back, |found| lower(found) == *c || upper(found) == upper(*c))
                }
                Instruction::Set { set, back } => self.step(at, *back, |found| set.contains(found)),
                Instruction::Run { set, min, max, greedy, back } => {
                    self.run_set(pc, at, set, (*min, *max), *greedy, *back)?
                }
                Instruction::Save(slot) => {
                    self.trail.push(Back::Saved(*slot, self.saved[*slot]));
                    self.saved[*slot] = at;
                    Some(at)
                }
                Instruction::Split(first, second) => {
                    self.trail.push(Back::Way { pc: *second, at });
                    pc = *first;
                    continue;
                }
                Instruction::Jump(to) => {
                    pc = *to;
                    continue;
                }
                Instruction::Count(counter) => {
                    self.set_register(*counter, 0);
                    Some(at)
                }
                Instruction::Loop { counter, min, max, greedy, exit } => {
                    let count = self.registers[*counter] as u32;
                    if count >= *max {
                        pc = *exit;
                        continue;
                    }
                    if count >= *min {
                        if *greedy {
                            self.trail.push(Back::Way { pc: *exit, at });
                        } else {
                            self.trail.push(Back::Way { pc: pc + 1, at });
                            pc = *exit;
                            continue;
                        }
                    }
                    Some(at)
                }
                Instruction::Enter { place, groups } => {
                    self.set_register(*place, at);
                    for slot in groups.0 * 2..groups.1 * 2 {
                        if self.saved[slot] != NOWHERE {
                            self.trail.push(Back::Saved(slot, self.saved[slot]));
                            self.saved[slot] = NOWHERE;
                        }
                    }
                    Some(at)
                }
                Instruction::Again { counter, place, min, to } => {
                    let count = self.registers[*counter];
                    if at == self.registers[*place] && count >= *min as usize {
                        // A round that matched nothing would repeat for ever.
                        None
                    } else {
                        self.set_register(*counter, count + 1);
                        pc = *to;
                        continue;
                    }
                }
                Instruction::BackReference { groups, folded, back } => {
                    self.back_reference(at, groups, *folded, *back)
                }
                Instruction::Look { negated, end } => {
                    if self.looks >= LOOKS {
                        return Err(Error::limit(Limit::Depth));
                    }
                    let height = self.trail.len();
                    self.looks += 1;
                    let found = self.run(pc + 1, at)?.is_some();
                    self.looks -= 1;
                    // Ways into a lookaround are not tried again; what it saved stays, unless it was a denial.
                    if found && !negated {
                        self.forget_ways(height);
                    } else {
                        self.undo_to(height);
                    }
                    if found != *negated {
                        pc = *end;
                        continue;
                    }
                    None
                }
                Instruction::Start { multiline } => {
                    let before = self.text[..at].chars().next_back();
                    (before.is_none() || *multiline && before.is_some_and(is_line_end)).then_some(at)
                }
                Instruction::End { multiline } => {
                    let after = self.text[at..].chars().next();
                    (after.is_none() || *multiline && after.is_some_and(is_line_end)).then_some(at)
                }
                Instruction::WordBoundary(wanted) => {
                    let before = self.text[..at].chars().next_back().is_some_and(is_word);
                    let after = self.text[at..].chars().next().is_some_and(is_word);
                    ((before != after) == *wanted).then_some(at)
                }
            };
            match next {
                Some(place) => {
                    at = place;
                    pc += 1;
                }
                None => match self.resume(base) {
                    Some(way) => (pc, at) = way,
                    None => return Ok(None),
                },
            }
        }
    }

    /// Goes back to the last way that was not tried.
    fn resume(&mut self, base: usize) -> Option<(usize, usize)> {
        while self.trail.len() > base {
            match self.trail.pop()? {
                Back::Way { pc, at } => return Some((pc, at)),
                Back::Saved(slot, place) => self.saved[slot] = place,
                Back::Register(register, value) => self.registers[register] = value,
                Back::Shorter { pc, at, least, back } => {
                    let at = if back {
                        at + self.text[at..].chars().next().map_or(1, char::len_utf8)
                    } else {
                        at - self.text[..at].chars().next_back().map_or(1, char::len_utf8)
                    };
                    if at != least {
                        self.trail.push(Back::Shorter { pc, at, least, back });
                    }
                    return Some((pc + 1, at));
                }
                Back::Longer { pc, at, left } => {
                    let Instruction::Run { set, back, .. } = &self.program.code[pc] else { continue };
                    if let Some(at) = self.step(at, *back, |found| set.contains(found)) {
                        if left > 1 {
                            self.trail.push(Back::Longer { pc, at, left: left - 1 });
                        }
                        return Some((pc + 1, at));
                    }
                }
            }
        }
        None
    }

    fn undo_to(&mut self, height: usize) {
        while self.trail.len() > height {
            match self.trail.pop() {
                Some(Back::Saved(slot, place)) => self.saved[slot] = place,
                Some(Back::Register(register, value)) => self.registers[register] = value,
                _ => {}
            }
        }
    }

    /// Drops the ways above `height`, but keeps what must be undone when an earlier way is taken.
    fn forget_ways(&mut self, height: usize) {
        let mut kept = height;
        for index in height..self.trail.len() {
            if matches!(self.trail[index], Back::Saved(..) | Back::Register(..)) {
                self.trail.swap(kept, index);
                kept += 1;
            }
        }
        self.trail.truncate(kept);
    }

    fn set_register(&mut self, register: usize, value: usize) {
        self.trail.push(Back::Register(register, self.registers[register]));
        self.registers[register] = value;
    }

    /// One character forwards or backwards.
    #[inline]
    fn step(&self, at: usize, back: bool, accepts: impl Fn(char) -> bool) -> Option<usize> {
        if back {
            let c = self.text[..at].chars().next_back()?;
            accepts(c).then(|| at - c.len_utf8())
        } else {
            let c = self.text[at..].chars().next()?;
            accepts(c).then(|| at + c.len_utf8())
        }
    }

    fn run_set(
        &mut self,
        pc: usize,
        start: usize,
        set: &Set,
        (min, max): (u32, u32),
        greedy: bool,
        back: bool,
    ) -> Result<Option<usize>, Error> {
        let mut at = start;
        let mut count = 0;
        while count < min {
            match self.step(at, back, |found| set.contains(found)) {
                Some(next) => at = next,
                None => return Ok(None),
            }
            count += 1;
        }
        let least = at;
        if !greedy {
            if max > min {
                self.trail.push(Back::Longer { pc, at, left: max - min });
            }
            return Ok(Some(at));
        }
        while count < max {
            match self.step(at, back, |found| set.contains(found)) {
                Some(next) => at = next,
                None => break,
            }
            count += 1;
        }
        self.steps += (count / 4) as usize;
        if at != least {
            self.trail.push(Back::Shorter { pc, at, least, back });
        }
        Ok(Some(at))
    }

    fn back_reference(&self, at: usize, groups: &[usize], folded: bool, back: bool) -> Option<usize> {
        let place = |slot: usize| Some(self.saved[slot]).filter(|place| *place != NOWHERE);
        let group = groups.iter().find_map(|group| Some(place(group * 2)?..place(group * 2 + 1)?));
        // A group that took no part matches nothing, anywhere.
        let Some(range) = group else { return Some(at) };
        let wanted = self.text.get(range)?;
        let same = |one: char, other: char| one == other || folded && lower(one) == lower(other);
        let mut at = at;
        if back {
            for c in wanted.chars().rev() {
                at = self.step(at, true, |found| same(found, c))?;
            }
        } else {
            for c in wanted.chars() {
                at = self.step(at, false, |found| same(found, c))?;
            }
        }
        Some(at)
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
