//! Statements.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use model::Text;

use super::{Cx, Frame, Result, Slot};
use crate::Value;
use crate::tree::{Block, For, ForEach, Statement, Switch, Try};
use crate::value::strictly_equal;

/// How a statement ended.
pub(super) enum Flow {
    Next,
    Break(Option<Text>),
    Continue(Option<Text>),
    Return(Value),
}

/// What a loop does after its body.
enum Round {
    Go,
    Stop,
    Leave(Flow),
}

impl Cx<'_> {
    /// Runs the body of a function.
    pub(super) fn run_body(&self, block: &Block, frame: &mut Frame<'_>) -> Result<Value> {
        match self.block(block, frame)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::Undefined),
        }
    }

    fn block(&self, block: &Block, frame: &mut Frame<'_>) -> Result<Flow> {
        frame.renew(&block.fresh);
        for (slot, code) in &block.functions {
            // The name is known inside the function too, so it must be there before the function is made.
            let cell = frame.share(*slot, self);
            let function = frame.closure(code, self);
            *cell.borrow_mut() = function;
        }
        self.all(&block.statements, frame)
    }

    fn all(&self, statements: &[Statement], frame: &mut Frame<'_>) -> Result<Flow> {
        for statement in statements {
            match self.statement(statement, frame, None)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    /// Runs a statement; `label` is the label right before it.
    fn statement(&self, statement: &Statement, frame: &mut Frame<'_>, label: Option<&Text>) -> Result<Flow> {
        self.charge(1)?;
        match statement {
            Statement::Expression(expression) => {
                self.eval(expression, frame)?;
            }
            Statement::Declare(target, value) => {
                let value = match value {
                    Some(value) => self.eval(value, frame)?,
                    None => Value::Undefined,
                };
                self.store(target, value, frame)?;
            }
            Statement::Block(block) => return self.block(block, frame),
            Statement::If(parts) => {
                let (test, consequent, alternate) = &**parts;
                if self.eval(test, frame)?.truthy() {
                    return self.statement(consequent, frame, None);
                } else if let Some(alternate) = alternate {
                    return self.statement(alternate, frame, None);
                }
            }
            Statement::For(looped) => return self.for_loop(looped, frame, label),
            Statement::ForEach(each) => return self.for_each(each, frame, label),
            Statement::While(parts) => {
                let (test, body) = &**parts;
                while self.eval(test, frame)?.truthy() {
                    match self.round(body, frame, label)? {
                        Round::Go => {}
                        Round::Stop => break,
                        Round::Leave(flow) => return Ok(flow),
                    }
                }
            }
            Statement::DoWhile(parts) => {
                let (body, test) = &**parts;
                loop {
                    match self.round(body, frame, label)? {
                        Round::Go => {}
                        Round::Stop => break,
                        Round::Leave(flow) => return Ok(flow),
                    }
                    if !self.eval(test, frame)?.truthy() {
                        break;
                    }
                }
            }
            Statement::Switch(switch) => return self.switch(switch, frame),
            Statement::Labeled(label, body) => {
                return Ok(match self.statement(body, frame, Some(label))? {
                    Flow::Break(Some(target)) if target == *label => Flow::Next,
                    flow => flow,
                });
            }
            Statement::Break(label) => return Ok(Flow::Break(label.clone())),
            Statement::Continue(label) => return Ok(Flow::Continue(label.clone())),
            Statement::Return(value) => {
                return Ok(Flow::Return(match value {
                    Some(value) => self.eval(value, frame)?,
                    None => Value::Undefined,
                }));
            }
            Statement::Throw(value, span) => {
                let value = self.eval(value, frame)?;
                return Err(self.throw(value).at(span.clone()));
            }
            Statement::Try(statement) => return self.try_statement(statement, frame),
            Statement::Several(statements) => return self.all(statements, frame),
            Statement::Empty => {}
        }
        Ok(Flow::Next)
    }

    /// Runs the body of a loop once.
    fn round(&self, body: &Statement, frame: &mut Frame<'_>, label: Option<&Text>) -> Result<Round> {
        Ok(match self.statement(body, frame, None)? {
            Flow::Next | Flow::Continue(None) => Round::Go,
            Flow::Continue(target) if target.as_ref() == label => Round::Go,
            Flow::Break(None) => Round::Stop,
            flow => Round::Leave(flow),
        })
    }

    fn for_loop(&self, looped: &For, frame: &mut Frame<'_>, label: Option<&Text>) -> Result<Flow> {
        frame.renew(&looped.fresh);
        self.statement(&looped.init, frame, None)?;
        loop {
            if let Some(test) = &looped.test
                && !self.eval(test, frame)?.truthy()
            {
                return Ok(Flow::Next);
            }
            match self.round(&looped.body, frame, label)? {
                Round::Go => {}
                Round::Stop => return Ok(Flow::Next),
                Round::Leave(flow) => return Ok(flow),
            }
            frame.separate(&looped.fresh, self);
            if let Some(update) = &looped.update {
                self.eval(update, frame)?;
            }
        }
    }

    fn for_each(&self, each: &ForEach, frame: &mut Frame<'_>, label: Option<&Text>) -> Result<Flow> {
        let over = self.eval(&each.over, frame)?;
        let values = match each.keys {
            false => self.iterate(&over)?,
            true => self.keys(&over)?.into_iter().map(Value::String).collect(),
        };
        for value in values {
            frame.renew(&each.fresh);
            self.store(&each.target, value, frame)?;
            match self.round(&each.body, frame, label)? {
                Round::Go => {}
                Round::Stop => break,
                Round::Leave(flow) => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn switch(&self, switch: &Switch, frame: &mut Frame<'_>) -> Result<Flow> {
        let value = self.eval(&switch.value, frame)?;
        frame.renew(&switch.fresh);
        for (slot, code) in &switch.functions {
            let cell = frame.share(*slot, self);
            let function = frame.closure(code, self);
            *cell.borrow_mut() = function;
        }
        let mut start = None;
        for (at, (test, _)) in switch.cases.iter().enumerate() {
            if let Some(test) = test
                && strictly_equal(&value, &self.eval(test, frame)?)
            {
                start = Some(at);
                break;
            }
        }
        let start = start.or_else(|| switch.cases.iter().position(|(test, _)| test.is_none()));
        for (_, statements) in start.map_or(&[][..], |start| &switch.cases[start..]) {
            match self.all(statements, frame)? {
                Flow::Next => {}
                Flow::Break(None) => return Ok(Flow::Next),
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn try_statement(&self, statement: &Try, frame: &mut Frame<'_>) -> Result<Flow> {
        let depth = self.depth.get();
        let mut result = self.block(&statement.block, frame);
        if let (Err(error), Some((fresh, target, block))) = (&result, &statement.catch)
            && let Some(value) = self.caught(error)
        {
            self.depth.set(depth);
            result = self.catch(fresh, target.as_ref(), value, block, frame);
        }
        let Some(finally) = &statement.finally else { return result };
        // A limit ends everything at once.
        if let Err(error) = &result
            && self.caught(error).is_none()
        {
            return result;
        }
        match self.block(finally, frame)? {
            Flow::Next => result,
            flow => Ok(flow),
        }
    }

    fn catch(
        &self,
        fresh: &Range<u32>,
        target: Option<&crate::tree::Target>,
        value: Value,
        block: &Block,
        frame: &mut Frame<'_>,
    ) -> Result<Flow> {
        frame.renew(fresh);
        if let Some(target) = target {
            self.store(target, value, frame)?;
        }
        self.block(block, frame)
    }
}

impl Frame<'_> {
    /// Forgets the variables of a block that is entered.
    fn renew(&mut self, fresh: &Range<u32>) {
        for slot in &mut self.slots[fresh.start as usize..fresh.end as usize] {
            *slot = Slot::Empty;
        }
    }

    /// Gives the next round of a `for` its own copies of variables that functions of this round share.
    fn separate(&mut self, fresh: &Range<u32>, cx: &Cx<'_>) {
        for slot in &mut self.slots[fresh.start as usize..fresh.end as usize] {
            if let Slot::Shared(cell) = slot {
                let value = cell.borrow().clone();
                let cell = Rc::new(RefCell::new(value));
                cx.cells.borrow_mut().push(cell.clone());
                *slot = Slot::Shared(cell);
            }
        }
    }
}
