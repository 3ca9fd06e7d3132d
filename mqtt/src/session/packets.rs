//! The packets of both versions of the protocol that a subscriber sends and receives.

use std::fmt::Debug;

use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::event::Event;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, TimerKind};
use mqtt_protocol_core::mqtt::packet::{
    GenericPacketTrait, Packet, Property, Qos, ReceiveMaximum, RetainHandling,
    SessionExpiryInterval, SubEntry, SubOpts, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, MqttError};
use mqtt_protocol_core::mqtt::{Connection, Version, role};

use super::error::SessionError;
use crate::config::{BridgeConfig, ProtocolVersion};
use crate::message::Message;

/// The largest packet that is received, in bytes. Too low: a broker of version 5 drops larger messages, and one of
/// version 3.1.1 can deliver nothing after one. Too high: one message needs that much memory.
const MAX_PACKET_BYTES: u32 = 16 * 1024 * 1024;

/// How long the reply to a ping may take, in milliseconds. Too low: a busy broker costs a connection. Too high: a broker
/// that is gone is noticed that late.
const PING_TIMEOUT_MS: u64 = 10_000;

/// A packet that concerns the session.
#[derive(Debug)]
pub(super) enum Received {
    /// The connection is accepted; whether the broker has kept the session.
    Accepted { is_session_present: bool },
    /// The connection is rejected.
    Refused(String),
    /// The reply to a subscription: for each topic filter why it was rejected, if it was.
    Subscribed(Vec<Option<String>>),
    /// A message.
    Message(Message),
    /// The broker is about to close the connection.
    Disconnected(String),
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    Receive(Received),
    SetTimer(TimerKind, u64),
    CancelTimer(TimerKind),
    Close,
}

type Steps = Result<Vec<Step>, SessionError>;

/// The state of one connection, in one of the versions.
pub(super) struct Protocol {
    version: ProtocolVersion,
    connection: Connection<role::Client>,
}

impl Protocol {
    pub fn new(config: &BridgeConfig) -> Self {
        let options = ConnectionOptions::new().maximum_packet_size_recv(MAX_PACKET_BYTES);
        let version = match config.version {
            ProtocolVersion::V3_1_1 => Version::V3_1_1,
            ProtocolVersion::V5 => Version::V5_0,
        };
        let mut connection = Connection::with_options(version, options);
        connection.set_pingresp_recv_timeout(PING_TIMEOUT_MS);
        Self { version: config.version, connection }
    }

    /// Begins the connection; the broker is to keep the session.
    pub fn connect(&mut self, config: &BridgeConfig, password: Option<&str>) -> Steps {
        let (packet, sent) = match self.version {
            ProtocolVersion::V3_1_1 => {
                let packet = connect_v3_1_1(config, password)?;
                (packet.clone(), packet)
            }
            // The library closes a connection on which the broker exceeds the window, and mosquitto 2.0 does so after
            // a reconnect: its messages would never be received. So the broker is told, and the library is not.
            ProtocolVersion::V5 => {
                let window = ReceiveMaximum::new(config.receive_maximum)?.into();
                (connect_v5(config, password, None)?, connect_v5(config, password, Some(window))?)
            }
        };
        let mut steps = steps(self.connection.send(packet))?;
        for step in &mut steps {
            if let Step::Send(bytes) = step {
                *bytes = sent.to_continuous_buffer();
            }
        }
        Ok(steps)
    }

    /// Subscribes with `QoS` 1. Version 5 delivers the retained messages of a topic only when it is subscribed to for
    /// the first time.
    pub fn subscribe(&mut self, topics: &[String]) -> Steps {
        let id = self.connection.acquire_packet_id()?;
        let options = SubOpts::new().set_qos(Qos::AtLeastOnce);
        let options = match self.version {
            ProtocolVersion::V3_1_1 => options,
            ProtocolVersion::V5 => options.set_rh(RetainHandling::SendRetainedIfNotExists),
        };
        let entries = topics.iter().map(|topic| SubEntry::new(&**topic, options));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let packet: Packet = match self.version {
            ProtocolVersion::V3_1_1 => {
                v3_1_1::Subscribe::builder().packet_id(id).entries(entries).build()?.into()
            }
            ProtocolVersion::V5 => {
                v5_0::Subscribe::builder().packet_id(id).entries(entries).build()?.into()
            }
        };
        let events = self.connection.send(packet);
        steps(events)
    }

    /// Acknowledges a message.
    pub fn acknowledge(&mut self, packet_id: u16) -> Steps {
        let packet: Packet = match self.version {
            ProtocolVersion::V3_1_1 => {
                v3_1_1::Puback::builder().packet_id(packet_id).build()?.into()
            }
            ProtocolVersion::V5 => v5_0::Puback::builder().packet_id(packet_id).build()?.into(),
        };
        let events = self.connection.send(packet);
        steps(events)
    }

    /// Ends the connection, not the session.
    pub fn disconnect(&mut self) -> Steps {
        let packet: Packet = match self.version {
            ProtocolVersion::V3_1_1 => v3_1_1::Disconnect::builder().build()?.into(),
            ProtocolVersion::V5 => v5_0::Disconnect::builder().build()?.into(),
        };
        let events = self.connection.send(packet);
        steps(events)
    }

    /// Reads packets from bytes; an incomplete one is kept until the next bytes.
    pub fn receive(&mut self, bytes: &[u8]) -> Steps {
        let (mut cursor, mut all) = (Cursor::new(bytes), Vec::new());
        while !cursor.remaining_slice().is_empty() {
            let events = self.connection.recv(&mut cursor);
            all.extend(steps(events)?);
        }
        Ok(all)
    }

    /// The time of this timer has come.
    pub fn fire(&mut self, timer: TimerKind) -> Steps {
        let events = self.connection.notify_timer_fired(timer);
        steps(events)
    }
}

fn connect_v3_1_1(config: &BridgeConfig, password: Option<&str>) -> Result<Packet, MqttError> {
    let mut packet = v3_1_1::Connect::builder().client_id(&*config.client_id)?;
    packet = packet.clean_session(false).keep_alive(keep_alive(config));
    if let Some(user) = user(config, password) {
        packet = packet.user_name(user)?;
    }
    if let Some(password) = password {
        packet = packet.password(password.as_bytes().to_vec())?;
    }
    Ok(packet.build()?.into())
}

fn connect_v5(
    config: &BridgeConfig,
    password: Option<&str>,
    window: Option<Property>,
) -> Result<Packet, MqttError> {
    let expiry = u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX);
    let expiry = SessionExpiryInterval::new(expiry)?.into();
    let mut packet = v5_0::Connect::builder().client_id(&*config.client_id)?;
    packet = packet.clean_start(false).keep_alive(keep_alive(config));
    packet = packet.props(std::iter::once(expiry).chain(window).collect::<Vec<_>>());
    if let Some(user) = user(config, password) {
        packet = packet.user_name(user)?;
    }
    if let Some(password) = password {
        packet = packet.password(password.as_bytes().to_vec())?;
    }
    Ok(packet.build()?.into())
}

fn keep_alive(config: &BridgeConfig) -> u16 {
    u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX)
}

/// A password needs a user in version 3.1.1, so that an empty one is sent.
fn user<'a>(config: &'a BridgeConfig, password: Option<&str>) -> Option<&'a str> {
    config.credentials.user.as_deref().or(password.map(|_| ""))
}

fn steps(events: Vec<Event>) -> Steps {
    events.into_iter().filter_map(|event| step(event).transpose()).collect()
}

fn step(event: Event) -> Result<Option<Step>, SessionError> {
    Ok(match event {
        Event::RequestSendPacket { packet, .. } => Some(Step::Send(packet.to_continuous_buffer())),
        Event::NotifyPacketReceived(packet) => received(packet).map(Step::Receive),
        Event::RequestTimerReset { kind, duration_ms } => Some(Step::SetTimer(kind, duration_ms)),
        Event::RequestTimerCancel(kind) => Some(Step::CancelTimer(kind)),
        Event::RequestClose => Some(Step::Close),
        Event::NotifyPacketIdReleased(_) => None,
        Event::NotifyError(error) => return Err(error.into()),
    })
}

fn received(packet: Packet) -> Option<Received> {
    Some(match packet {
        Packet::V3_1_1Connack(packet) if packet.return_code().is_success() => {
            Received::Accepted { is_session_present: packet.session_present() }
        }
        Packet::V3_1_1Connack(packet) => Received::Refused(words(packet.return_code())),
        Packet::V5_0Connack(packet) if packet.reason_code() == ConnectReasonCode::Success => {
            Received::Accepted { is_session_present: packet.session_present() }
        }
        Packet::V5_0Connack(packet) => Received::Refused(words(packet.reason_code())),
        Packet::V3_1_1Suback(packet) => {
            let codes = packet.return_codes().into_iter();
            Received::Subscribed(codes.map(|c| c.is_failure().then(|| words(c))).collect())
        }
        Packet::V5_0Suback(packet) => {
            let codes = packet.reason_codes().into_iter();
            Received::Subscribed(codes.map(|c| c.is_failure().then(|| words(c))).collect())
        }
        Packet::V3_1_1Publish(packet) => Received::Message(Message {
            topic: packet.topic_name().to_owned(),
            payload: packet.payload().as_slice().to_owned(),
            packet_id: packet.packet_id(),
            is_repeated: packet.dup(),
            is_retained: packet.retain(),
        }),
        Packet::V5_0Publish(packet) => Received::Message(Message {
            topic: packet.topic_name().to_owned(),
            payload: packet.payload().as_slice().to_owned(),
            packet_id: packet.packet_id(),
            is_repeated: packet.dup(),
            is_retained: packet.retain(),
        }),
        Packet::V5_0Disconnect(packet) => {
            Received::Disconnected(packet.reason_code().map(words).unwrap_or_default())
        }
        _ => return None,
    })
}

/// The name of a reason, `BadUserNameOrPassword`, as words.
fn words(reason: impl Debug) -> String {
    let mut words = String::new();
    for letter in format!("{reason:?}").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

impl From<MqttError> for SessionError {
    fn from(error: MqttError) -> Self {
        Self::Protocol(words(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_words() {
        assert_eq!(words(MqttError::BadUserNameOrPassword), "bad user name or password");
    }
}
