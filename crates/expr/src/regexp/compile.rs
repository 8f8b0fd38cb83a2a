//! From the tree of a pattern to instructions.

use super::BadPattern;
use super::parse::{Node, Pattern};
use super::set::{Set, lower};

/// How many instructions a pattern may have.
const SIZE: usize = 50_000;

/// One step of a match. `back` steps match what lies before the position, for lookbehind.
#[derive(Clone, Debug)]
pub(super) enum Instruction {
    Char {
        c: char,
        back: bool,
    },
    /// Compares lower-case forms.
    Folded {
        c: char,
        back: bool,
    },
    Set {
        set: Box<Set>,
        back: bool,
    },
    /// A set repeated: the whole loop in one step.
    Run {
        set: Box<Set>,
        min: u32,
        max: u32,
        greedy: bool,
        back: bool,
    },
    Save(usize),
    /// Tries the first, then the second.
    Split(usize, usize),
    Jump(usize),
    /// Starts counting.
    Count(usize),
    /// Decides whether the body (the next instruction) or what follows the loop is tried.
    Loop {
        counter: usize,
        min: u32,
        max: u32,
        greedy: bool,
        exit: usize,
    },
    /// Enters the body: remembers where, and forgets what its groups matched before.
    Enter {
        place: usize,
        groups: (usize, usize),
    },
    /// Ends the body and goes back to the loop.
    Again {
        counter: usize,
        place: usize,
        min: u32,
        to: usize,
    },
    BackReference {
        groups: Box<[usize]>,
        folded: bool,
        back: bool,
    },
    Look {
        negated: bool,
        end: usize,
    },
    Start {
        multiline: bool,
    },
    End {
        multiline: bool,
    },
    WordBoundary(bool),
    Done,
}

/// The instructions of a pattern.
pub(super) struct Compiled {
    pub(super) code: Vec<Instruction>,
    pub(super) registers: usize,
    pub(super) start: Option<Set>,
}

pub(super) fn compile(pattern: &Pattern) -> Result<Compiled, BadPattern> {
    let mut compiler = Compiler { code: Vec::new(), registers: 0 };
    compiler.emit(Instruction::Save(0))?;
    compiler.node(&pattern.node, false)?;
    compiler.emit(Instruction::Save(1))?;
    compiler.emit(Instruction::Done)?;
    Ok(Compiled { code: compiler.code, registers: compiler.registers, start: start(&pattern.node) })
}

/// What a match of this node must start with, when that is one set.
fn start(node: &Node) -> Option<Set> {
    match node {
        Node::Char(c, false) => Some(Set::single(*c)),
        Node::Char(c, true) => Some(Set::single(*c).folded()),
        Node::Set(set) => Some(set.clone()),
        Node::Group(_, node) => start(node),
        Node::Repeat { node, min: 1.., .. } => start(node),
        Node::Sequence(nodes) => match &nodes[0] {
            Node::Start { .. } | Node::End { .. } | Node::WordBoundary(_) | Node::Look { .. } => None,
            node => start(node),
        },
        Node::Either(branches) => {
            let mut ranges = Vec::new();
            for branch in branches {
                ranges.extend_from_slice(start(branch)?.ranges());
            }
            Some(Set::new(ranges))
        }
        _ => None,
    }
}

struct Compiler {
    code: Vec<Instruction>,
    registers: usize,
}

impl Compiler {
    fn emit(&mut self, instruction: Instruction) -> Result<usize, BadPattern> {
        if self.code.len() >= SIZE {
            return Err(BadPattern("Regular expression too large".into()));
        }
        self.code.push(instruction);
        Ok(self.code.len() - 1)
    }

    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    fn node(&mut self, node: &Node, back: bool) -> Result<(), BadPattern> {
        match node {
            Node::Empty => {}
            Node::Char(c, false) => {
                self.emit(Instruction::Char { c: *c, back })?;
            }
            Node::Char(c, true) => {
                let one = Set::single(*c).folded();
                if one.ranges().len() == 1 && *c == lower(*c) {
                    self.emit(Instruction::Char { c: *c, back })?;
                } else {
                    self.emit(Instruction::Folded { c: lower(*c), back })?;
                }
            }
            Node::Set(set) => {
                self.emit(Instruction::Set { set: Box::new(set.clone()), back })?;
            }
            Node::Sequence(nodes) if back => nodes.iter().rev().try_for_each(|node| self.node(node, back))?,
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.node(node, back))?,
            Node::Either(branches) => self.either(branches, back)?,
            Node::Group(number, node) => {
                let (first, second) = if back { (1, 0) } else { (0, 1) };
                self.emit(Instruction::Save(number * 2 + first))?;
                self.node(node, back)?;
                self.emit(Instruction::Save(number * 2 + second))?;
            }
            Node::BackReference(groups, folded) => {
                self.emit(Instruction::BackReference {
                    groups: groups.clone().into(),
                    folded: *folded,
                    back,
                })?;
            }
            Node::Repeat { node, min, max, greedy, groups } => {
                self.repeat(node, (*min, *max), *greedy, *groups, back)?;
            }
            Node::Look { node, ahead, negated } => {
                let look = self.emit(Instruction::Look { negated: *negated, end: 0 })?;
                self.node(node, !ahead)?;
                let done = self.emit(Instruction::Done)?;
                self.code[look] = Instruction::Look { negated: *negated, end: done + 1 };
            }
            Node::Start { multiline } => {
                self.emit(Instruction::Start { multiline: *multiline })?;
            }
            Node::End { multiline } => {
                self.emit(Instruction::End { multiline: *multiline })?;
            }
            Node::WordBoundary(wanted) => {
                self.emit(Instruction::WordBoundary(*wanted))?;
            }
        }
        Ok(())
    }

    fn either(&mut self, branches: &[Node], back: bool) -> Result<(), BadPattern> {
        let mut jumps = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            if index + 1 == branches.len() {
                self.node(branch, back)?;
                break;
            }
            let split = self.emit(Instruction::Split(0, 0))?;
            self.node(branch, back)?;
            jumps.push(self.emit(Instruction::Jump(0))?);
            self.code[split] = Instruction::Split(split + 1, self.code.len());
        }
        for jump in jumps {
            self.code[jump] = Instruction::Jump(self.code.len());
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        node: &Node,
        (min, max): (u32, u32),
        greedy: bool,
        groups: (usize, usize),
        back: bool,
    ) -> Result<(), BadPattern> {
        let set = match node {
            Node::Set(set) => Some(set.clone()),
            Node::Char(c, folded) => Some(if *folded { Set::single(*c).folded() } else { Set::single(*c) }),
            _ => None,
        };
        if let Some(set) = set {
            self.emit(Instruction::Run { set: Box::new(set), min, max, greedy, back })?;
            return Ok(());
        }
        let (counter, place) = (self.register(), self.register());
        self.emit(Instruction::Count(counter))?;
        let looped = self.emit(Instruction::Loop { counter, min, max, greedy, exit: 0 })?;
        self.emit(Instruction::Enter { place, groups })?;
        self.node(node, back)?;
        self.emit(Instruction::Again { counter, place, min, to: looped })?;
        self.code[looped] = Instruction::Loop { counter, min, max, greedy, exit: self.code.len() };
        Ok(())
    }
}
