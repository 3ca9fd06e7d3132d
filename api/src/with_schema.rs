//! Members of answers whose JSON is made by hand, with the schema that describes it.

use std::borrow::Cow;
use std::marker::PhantomData;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;

/// What the JSON of a member looks like.
pub trait Shape: Send + Sync {
    /// Its schema.
    fn schema() -> MetaSchema;

    /// Adds the components that the schema refers to.
    fn register(_registry: &mut Registry) {}
}

/// A JSON value of a shape.
#[derive(Debug, Clone)]
pub struct Shaped<S>(Value, PhantomData<S>);

impl<S> Shaped<S> {
    /// Takes a value that is known to have the shape.
    pub const fn new(value: Value) -> Self {
        Self(value, PhantomData)
    }
}

impl<S: Shape> Type for Shaped<S> {
    const IS_REQUIRED: bool = true;

    type RawValueType = Value;
    type RawElementValueType = Value;

    fn name() -> Cow<'static, str> {
        "shaped".into()
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

impl<S: Shape> ParseFromJSON for Shaped<S> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Ok(Self::new(value.unwrap_or_default()))
    }
}

impl<S: Shape> ToJSON for Shaped<S> {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }
}

/// Any object: its members are those of the case.
#[derive(Debug, Clone)]
pub struct AnyObject;

impl Shape for AnyObject {
    fn schema() -> MetaSchema {
        let any = MetaSchemaRef::Inline(Box::new(MetaSchema::ANY));
        MetaSchema { additional_properties: Some(Box::new(any)), ..MetaSchema::new("object") }
    }
}
