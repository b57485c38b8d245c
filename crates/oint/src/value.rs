//! What goes into a call and what comes out.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::connector::Connector;
use crate::error::{OintError, Result};
use crate::table::{Kind, Parameter, Spec};

/// An argument.
#[derive(Debug, Clone)]
pub enum Argument {
    /// Left out.
    Missing,
    /// Text, number, boolean, array or object.
    Json(Value),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An open connection.
    Handle(Arc<Connector>),
}

/// What a function gives back.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A map, or a bare value.
    Json(Value),
    /// Data.
    Bytes(Vec<u8>),
    /// An open connection.
    Handle(Arc<Connector>),
}

impl Outcome {
    /// A good result with these keys beside `result`.
    #[must_use]
    pub fn success(mut keys: Map<String, Value>) -> Self {
        keys.insert("result".to_owned(), Value::Bool(true));
        Self::Json(Value::Object(keys))
    }

    /// A failed operation.
    #[must_use]
    pub fn failure(error: &OintError) -> Self {
        Self::Json(json!({"result": false, "error": error.to_string()}))
    }

    /// Whether this says `"result": false`.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(self, Self::Json(Value::Object(map)) if map.get("result") == Some(&Value::Bool(false)))
    }
}

impl From<Value> for Argument {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// The arguments of a call, beside the parameters they are for.
pub(crate) struct Arguments<'a> {
    spec: &'static Spec,
    given: &'a [Argument],
}

impl<'a> Arguments<'a> {
    /// # Errors
    /// When there are more arguments than parameters, or a required one is missing.
    pub(crate) fn new(spec: &'static Spec, given: &'a [Argument]) -> Result<Self> {
        if given.len() > spec.parameters.len() {
            return Err(OintError::Parameter {
                name: spec.english,
                problem: format!(
                    "takes at most {} arguments, got {}",
                    spec.parameters.len(),
                    given.len()
                ),
            });
        }
        let arguments = Self { spec, given };
        for parameter in spec.parameters.iter().filter(|parameter| parameter.required) {
            if matches!(
                arguments.find(parameter.name).1,
                Argument::Missing | Argument::Json(Value::Null)
            ) {
                // Empty data is data: a file of no bytes can be sent.
                return Err(wrong(parameter, "is required"));
            }
        }
        Ok(arguments)
    }

    /// The argument for the parameter of this name, which the table has.
    pub(crate) fn get(&self, name: &str) -> &'a Argument {
        self.find(name).1
    }

    fn find(&self, name: &str) -> (&'static Parameter, &'a Argument) {
        let position = self
            .spec
            .parameters
            .iter()
            .position(|parameter| parameter.name == name)
            .expect("functions ask for parameters of their own");
        let argument = self.given.get(position).unwrap_or(&Argument::Missing);
        (&self.spec.parameters[position], argument)
    }

    /// Text; empty or left out means the default, or nothing.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let (parameter, argument) = self.find(name);
        let text = match argument {
            Argument::Missing | Argument::Json(Value::Null) => None,
            Argument::Json(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
            Argument::Json(Value::Number(number)) => Some(number.to_string()),
            _ => return Err(wrong(parameter, "must be a string")),
        };
        Ok(text.or_else(|| parameter.default.map(str::to_owned)))
    }

    /// Text that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<String> {
        self.text(name)?
            .ok_or_else(|| wrong(self.find(name).0, "must not be empty"))
    }

    /// `true`, `false`, or their names in English or Russian.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool> {
        let (parameter, argument) = self.find(name);
        if let Argument::Json(Value::Bool(value)) = argument {
            return Ok(*value);
        }
        match self.text(name)?.as_deref().map(str::to_lowercase).as_deref() {
            None | Some("false" | "ложь" | "0") => Ok(false),
            Some("true" | "истина" | "1") => Ok(true),
            Some(_) => Err(wrong(parameter, "must be true or false")),
        }
    }

    /// A whole number ≥ 0.
    pub(crate) fn count(&self, name: &str) -> Result<u64> {
        let text = self.text(name)?.unwrap_or_default();
        crate::settings::whole_number(&Value::String(text))
            .or_else(|| match self.get(name) {
                Argument::Json(value) => crate::settings::whole_number(value),
                _ => None,
            })
            .ok_or_else(|| wrong(self.find(name).0, "must be a whole number"))
    }

    /// The value as JSON; missing as null.
    pub(crate) fn json(&self, name: &str) -> Result<Value> {
        let (parameter, argument) = self.find(name);
        match argument {
            Argument::Missing => Ok(Value::Null),
            Argument::Json(value) => Ok(value.clone()),
            Argument::Bytes(_) | Argument::Handle(_) => Err(wrong(parameter, expected(parameter.kind))),
        }
    }
}

fn wrong(parameter: &Parameter, problem: impl Into<String>) -> OintError {
    OintError::Parameter {
        name: parameter.name,
        problem: problem.into(),
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Data => "must be a string",
        Kind::Number => "must be a number",
        Kind::Boolean => "must be true or false",
        Kind::Array => "must be an array",
        Kind::Object | Kind::Connection => "must be an object",
        Kind::Any => "is of no usable type",
    }
}
