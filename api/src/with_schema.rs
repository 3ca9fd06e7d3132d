//! JSON values that are not built by a derived type, with the schema that documents them.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

/// The schema of a JSON value.
pub trait JsonSchema: Send + Sync {
    /// The schema, in place.
    fn schema() -> MetaSchema;

    /// Registers the components that the schema refers to.
    fn register(_registry: &mut Registry) {}
}

/// A JSON value that matches the schema `S`.
#[derive(Debug, Clone)]
pub struct WithSchema<S>(Value, PhantomData<S>);

impl<S> WithSchema<S> {
    /// Wraps a value that is known to match.
    pub const fn new(value: Value) -> Self {
        Self(value, PhantomData)
    }
}

impl<S: JsonSchema> Type for WithSchema<S> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Value;
    type RawElementValueType = Value;

    fn name() -> Cow<'static, str> {
        "with_schema".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(S::schema()))
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }

    fn as_raw_value(&self) -> Option<&Value> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Value> + 'a> {
        Box::new(self.as_raw_value().into_iter())
    }
}

impl<S: JsonSchema> ParseFromJSON for WithSchema<S> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::new(value.unwrap_or_default()))
    }
}

impl<S: JsonSchema> ToJSON for WithSchema<S> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

/// An object with any members.
#[derive(Debug, Clone)]
pub struct AnyObject;

impl JsonSchema for AnyObject {
    fn schema() -> MetaSchema {
        let any = MetaSchemaRef::Inline(Box::new(MetaSchema::ANY));
        MetaSchema { additional_properties: Some(Box::new(any)), ..MetaSchema::new("object") }
    }
}
