//! Names: which variable a name means, and which names mean nothing good.

use std::ops::Range;

use model::Text;

use crate::tree::Capture;

/// Whether a member of this name leads out of the data; refused everywhere, though data may have such keys.
pub(crate) fn is_forbidden(name: &str) -> bool {
    matches!(
        name,
        "__proto__"
            | "prototype"
            | "constructor"
            | "getPrototypeOf"
            | "mainModule"
            | "binding"
            | "_linkedBinding"
            | "_load"
            | "prepareStackTrace"
            | "__lookupGetter__"
            | "__lookupSetter__"
            | "__defineGetter__"
            | "__defineSetter__"
            | "caller"
            | "arguments"
            | "getBuiltinModule"
            | "dlopen"
            | "execve"
            | "loadEnvFile"
    )
}

/// Whether the evaluator of n8n uses the name itself.
pub(super) fn is_reserved(name: &str) -> bool {
    matches!(name, "___n8n_data" | "__sanitize")
}

/// Names that stand for an empty object: what would reach outside the language.
pub(super) fn is_denied(name: &str) -> bool {
    matches!(
        name,
        "document" | "global" | "Window" | "globalThis" | "self"
            // Dialogues.
            | "alert" | "prompt" | "confirm"
            // Code and timers.
            | "eval" | "uneval" | "setTimeout" | "setInterval" | "setImmediate" | "clearImmediate"
            | "queueMicrotask" | "Function"
            // Modules.
            | "require" | "module" | "Buffer" | "__dirname" | "__filename"
            // Network.
            | "fetch" | "XMLHttpRequest"
            // Control flow.
            | "Promise" | "Generator" | "GeneratorFunction" | "AsyncFunction" | "AsyncGenerator"
            | "AsyncGeneratorFunction" | "WebAssembly"
            // Reflection.
            | "Reflect" | "Proxy" | "Atomics"
            // Deprecated.
            | "escape" | "unescape"
    )
}

/// What a name means.
pub(super) enum Place {
    Local {
        slot: u32,
        constant: bool,
    },
    Captured {
        index: u32,
        constant: bool,
    },
    /// Not a variable of the expression.
    Unknown,
}

/// The functions being lowered, innermost last.
pub(super) struct Scopes {
    functions: Vec<FunctionScope>,
}

/// The variables of one function.
struct FunctionScope {
    slots: u32,
    blocks: Vec<Vec<Binding>>,
    captures: Vec<(Capture, bool)>,
    arrow: bool,
}

struct Binding {
    name: Text,
    slot: u32,
    constant: bool,
}

/// What is known of a function once its body is lowered.
pub(super) struct Finished {
    pub(super) slots: u32,
    pub(super) captures: Box<[Capture]>,
}

impl Scopes {
    pub(super) fn new() -> Self {
        Self { functions: vec![FunctionScope::new(true)] }
    }

    fn current(&mut self) -> &mut FunctionScope {
        self.functions.last_mut().expect("there is always the outermost function")
    }

    /// How many variables the current function has.
    pub(super) fn slots(&self) -> u32 {
        self.functions.last().map_or(0, |function| function.slots)
    }

    pub(super) fn enter_function(&mut self, arrow: bool) {
        self.functions.push(FunctionScope::new(arrow));
    }

    pub(super) fn leave_function(&mut self) -> Finished {
        let function = self.functions.pop().expect("every function that is left was entered");
        Finished {
            slots: function.slots,
            captures: function.captures.iter().map(|(capture, _)| *capture).collect(),
        }
    }

    pub(super) fn enter_block(&mut self) {
        self.current().blocks.push(Vec::new());
    }

    pub(super) fn leave_block(&mut self) {
        self.current().blocks.pop();
    }

    /// Declares a variable in the current block; the same name there again is the same variable.
    pub(super) fn declare(&mut self, name: &str, constant: bool) -> u32 {
        let function = self.current();
        let block = function.blocks.last_mut().expect("a function always has a block");
        declare_in(&mut function.slots, block, name, constant)
    }

    /// Declares a `var`, which belongs to the function.
    pub(super) fn declare_var(&mut self, name: &str) -> u32 {
        let function = self.current();
        let block = function.blocks.first_mut().expect("a function always has a block");
        declare_in(&mut function.slots, block, name, false)
    }

    /// The variables declared since the function had `from`.
    pub(super) fn since(&self, from: u32) -> Range<u32> {
        from..self.slots()
    }

    /// Finds what a name means here.
    pub(super) fn resolve(&mut self, name: &str) -> Place {
        let innermost = self.functions.len() - 1;
        if let Some((slot, constant)) = self.functions[innermost].find(name) {
            return Place::Local { slot, constant };
        }
        match self.capture(innermost, name) {
            Some((index, constant)) => Place::Captured { index, constant },
            None => Place::Unknown,
        }
    }

    /// Makes a variable of a function around function `at` reachable from it.
    fn capture(&mut self, at: usize, name: &str) -> Option<(u32, bool)> {
        let outer = at.checked_sub(1)?;
        let (capture, constant) = match self.functions[outer].find(name) {
            Some((slot, constant)) => (Capture::Local(slot), constant),
            None => {
                let (index, constant) = self.capture(outer, name)?;
                (Capture::Captured(index), constant)
            }
        };
        let captures = &mut self.functions[at].captures;
        let index = captures.iter().position(|(known, _)| *known == capture).unwrap_or_else(|| {
            captures.push((capture, constant));
            captures.len() - 1
        });
        Some((index as u32, constant))
    }

    /// Whether `arguments` means something here: not in arrow functions.
    pub(super) fn has_arguments(&mut self) -> bool {
        !self.current().arrow
    }
}

impl FunctionScope {
    fn new(arrow: bool) -> Self {
        Self { slots: 0, blocks: vec![Vec::new()], captures: Vec::new(), arrow }
    }

    fn find(&self, name: &str) -> Option<(u32, bool)> {
        self.blocks
            .iter()
            .rev()
            .flatten()
            .find(|binding| binding.name == name)
            .map(|binding| (binding.slot, binding.constant))
    }
}

fn declare_in(slots: &mut u32, block: &mut Vec<Binding>, name: &str, constant: bool) -> u32 {
    if let Some(binding) = block.iter().find(|binding| binding.name == name) {
        return binding.slot;
    }
    let slot = *slots;
    *slots += 1;
    block.push(Binding { name: name.into(), slot, constant });
    slot
}
