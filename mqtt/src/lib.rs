//! The MQTT receiver: subscribes to the topics of a broker, and appends the readings in their messages to the stream.
//!
//! A message is acknowledged (`PUBACK`) when Redis has confirmed its readings, so that a crash at any moment loses
//! nothing: the broker delivers it again. Readings have keys, so that it stores nothing twice
//! (decision 52 has the cases).
//!
//! | part | what it owns |
//! |---|---|
//! | [`bridge`] | the loop: receive, append, acknowledge, connect again |
//! | [`session`] | one connection to the broker |
//! | [`mapping`] | which topics and payloads are which readings: profiles, as data |
//! | [`config`], [`address`] | what a bridge needs to know |
//! | [`message`] | a message, as the broker delivers it |
//! | [`status`], [`metrics`] | whether it is connected, and what it counted |

pub mod address;
pub mod bridge;
pub mod config;
pub mod mapping;
pub mod message;
pub mod metrics;
pub mod session;
pub mod status;

pub use address::BrokerAddress;
pub use bridge::Bridge;
pub use config::{BridgeConfig, Credentials, ProtocolVersion, TlsFiles};
pub use mapping::Mappings;
pub use status::BridgeStatus;
