//! Conditions on an item, shared by the nodes that route items: If, Filter and Switch.
//!
//! [`Conditions`] is their parameter; [`Conditions::hold`] evaluates every operand once per item, then compares as
//! [`Types`] says. `typed` checks and converts operands before it compares, `untyped` compares them as they are,
//! `pattern` keeps regular expressions, `n8n` maps n8n's parameters.

pub(crate) mod n8n;
mod pattern;
mod typed;
mod untyped;

use sdk::prelude::*;

use self::pattern::Patterns;

/// Conditions on an item.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// Whether every condition must hold or one is enough.
    #[serde(rename = "match")]
    pub quantifier: Quantifier,
    /// The conditions, in the order in which they are looked at. All of none hold, any of none does not.
    pub conditions: Vec<Condition>,
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
    /// What happens to operands of another type than the condition's.
    pub types: Types,
    /// Which operands are true where others than booleans are allowed.
    pub truth: Truth,
    /// What blank text is where a number is expected.
    pub blank: Blank,
}

/// Whether every condition must hold or one is enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantifier {
    /// Every condition must hold.
    #[default]
    All,
    /// One condition is enough.
    Any,
}

/// What happens to operands of another type than the condition's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Types {
    /// They are an error.
    #[default]
    Strict,
    /// They are converted; what cannot be converted is an error.
    Loose,
    /// They are compared as they are: equal means same type and value, order is JavaScript's.
    AsIs,
}

/// Which operands are true where others than booleans are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// `"false"`, `"0"`, 0 and nothing are false; the rest is true.
    #[default]
    Parsed,
    /// Blank text, 0 and nothing are false; the rest, `"false"` too, is true.
    Truthy,
}

/// What blank text is where a number is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blank {
    /// No number at all, as if the field were missing.
    #[default]
    Missing,
    /// Text like any other: an error when types are strict, 0 when they are loose.
    Text,
}

/// One comparison.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is compared.
    pub left: Expr<Value>,
    /// As what it is compared.
    #[serde(rename = "type")]
    pub kind: Type,
    /// How.
    pub operator: Operator,
    /// What it is compared with; operators such as `exists` need nothing.
    #[serde(default)]
    pub right: Expr<Value>,
    #[serde(skip)]
    patterns: Patterns,
}

/// As what operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Text.
    String,
    /// Numbers.
    Number,
    /// Moments: ISO 8601 text and what JavaScript reads as a date.
    DateTime,
    /// True or false.
    Boolean,
    /// Lists; compared with one element or with a length.
    Array,
    /// Objects.
    Object,
}

/// How operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// The left side is there.
    Exists,
    /// The left side is missing or null.
    NotExists,
    /// The left side is missing, or holds nothing.
    Empty,
    /// The left side holds something.
    NotEmpty,
    /// Both sides are equal.
    Equals,
    /// Both sides differ.
    NotEquals,
    /// Left is greater or later.
    GreaterThan,
    /// Left is less or earlier.
    LessThan,
    /// Left is greater, later or equal.
    AtLeast,
    /// Left is less, earlier or equal.
    AtMost,
    /// The text contains the right side, or the list has it as an element.
    Contains,
    /// The opposite of `contains`.
    NotContains,
    /// The text starts with the right side.
    StartsWith,
    /// The opposite of `starts_with`.
    NotStartsWith,
    /// The text ends with the right side.
    EndsWith,
    /// The opposite of `ends_with`.
    NotEndsWith,
    /// The text matches the regular expression on the right, bare or as `/pattern/flags`.
    Matches,
    /// The opposite of `matches`.
    NotMatches,
    /// The left side is true.
    True,
    /// The left side is false.
    False,
    /// The list has so many elements.
    LengthEquals,
    /// The list has another number of elements.
    LengthNotEquals,
    /// The list has more elements.
    LengthGreaterThan,
    /// The list has fewer elements.
    LengthLessThan,
    /// The list has so many elements or more.
    LengthAtLeast,
    /// The list has so many elements or fewer.
    LengthAtMost,
    /// Never holds: what an operator that does not exist becomes on import.
    Never,
}

impl Operator {
    /// Whether the operator looks at the left side only.
    fn is_unary(self) -> bool {
        use Operator::*;
        matches!(self, Exists | NotExists | Empty | NotEmpty | True | False)
    }

    /// Whether the right side is a length.
    fn is_length(self) -> bool {
        use Operator::*;
        matches!(
            self,
            LengthEquals
                | LengthNotEquals
                | LengthGreaterThan
                | LengthLessThan
                | LengthAtLeast
                | LengthAtMost
        )
    }
}

/// The two sides of a condition for one item; `None` is JavaScript's `undefined`.
struct Operands {
    left: Option<Value>,
    right: Option<Value>,
}

/// Where a comparison happens, for messages.
#[derive(Clone, Copy)]
struct Place {
    condition: usize,
    item: usize,
}

impl Conditions {
    /// Whether the conditions hold for input item `item`. Every expression is evaluated, so that one that fails is
    /// noticed; the comparison stops as soon as the outcome is known.
    pub fn hold(&self, ctx: &Context, item: usize) -> Result<bool, NodeError> {
        if let [condition] = self.conditions.as_slice() {
            let operands = condition.operands(ctx, item)?;
            return self.compare(ctx, condition, operands, Place { condition: 0, item });
        }
        let operands: Result<Vec<_>, _> =
            self.conditions.iter().map(|condition| condition.operands(ctx, item)).collect();
        for (index, (condition, operands)) in self.conditions.iter().zip(operands?).enumerate() {
            let holds = self.compare(ctx, condition, operands, Place { condition: index, item })?;
            match self.quantifier {
                Quantifier::All if !holds => return Ok(false),
                Quantifier::Any if holds => return Ok(true),
                _ => {}
            }
        }
        Ok(self.quantifier == Quantifier::All)
    }

    fn compare(
        &self,
        ctx: &Context,
        condition: &Condition,
        operands: Operands,
        place: Place,
    ) -> Result<bool, NodeError> {
        let outcome = match self.types {
            Types::AsIs => untyped::compare(condition, operands),
            Types::Strict | Types::Loose => typed::compare(self, ctx, condition, operands, place),
        };
        outcome.map_err(|error| error.at_item(place.item))
    }
}

impl Condition {
    /// A comparison of these operands.
    pub fn new(left: Expr<Value>, kind: Type, operator: Operator, right: Expr<Value>) -> Self {
        Self { left, kind, operator, right, patterns: Patterns::default() }
    }

    fn operands(&self, ctx: &Context, item: usize) -> Result<Operands, NodeError> {
        let left = operand(&self.left, ctx, item)?;
        let right = if self.operator.is_unary() { None } else { operand(&self.right, ctx, item)? };
        Ok(Operands { left, right })
    }

    /// The error of an operator that its type does not have.
    fn unsuited(&self) -> NodeError {
        let name = |value: Result<Value, _>| value.ok().and_then(|name| name.as_str().map(str::to_owned));
        NodeError::permanent(format!(
            "operator \"{}\" does not suit type \"{}\"; choose another operator or type",
            name(Value::from_serialize(&self.operator)).unwrap_or_default(),
            name(Value::from_serialize(&self.kind)).unwrap_or_default(),
        ))
    }
}

/// The value of an operand; unlike other parameters it may be `undefined`.
fn operand(operand: &Expr<Value>, ctx: &Context, item: usize) -> Result<Option<Value>, NodeError> {
    match operand {
        Expr::Literal(value) => Ok(Some(value.clone())),
        Expr::Computed(tree) => tree.eval(ctx, item),
    }
}

#[cfg(test)]
mod tests;
