//! One connection to the broker: received messages, and their acknowledgements.
//!
//! Nothing is acknowledged by itself, and an acknowledgement belongs to the connection on which its message came: on
//! another one its packet id may stand for another message.
//!
//! | file | what it owns |
//! |---|---|
//! | `packets` | the packets of both versions |
//! | `socket`, [`tls`] | TCP and TLS |
//! | `timers` | pings |
//! | [`error`] | why a connection ended |

pub mod error;
mod packets;
mod socket;
mod timers;
pub mod tls;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_protocol_core::mqtt::connection::TimerKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

pub use self::error::SessionError;
use self::packets::{Protocol, Received, Step};
use self::socket::Socket;
use self::timers::Timers;
use crate::config::BridgeConfig;
use crate::message::Message;

/// How long the broker may take to accept the connection, and then the subscriptions. Too low: a distant or busy broker
/// is never reached. Too high: a connection that hangs is given up late.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the last acknowledgements may take to be sent. Too low: their messages are delivered again. Too high: the
/// process stops late when the broker does not read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes that are read at once. Too low: more system calls. Too high: memory without use.
const READ_BYTES: usize = 64 * 1024;

/// Without a timer; longer than any keep-alive.
const NO_TIMER: Duration = Duration::from_hours(24);

/// A connection whose subscriptions are confirmed.
pub struct Session {
    reader: ReadHalf<Box<dyn Socket>>,
    writer: WriteHalf<Box<dyn Socket>>,
    protocol: Protocol,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Whether bytes are in `outgoing` or in a buffer of the socket.
    needs_write: bool,
    timers: Timers,
    /// Messages that were received and not taken yet.
    inbox: VecDeque<Message>,
    /// The most messages in it.
    room: usize,
    /// Whether the broker has kept the session.
    is_session_present: Option<bool>,
    /// The reply to the subscription.
    subscribed: Option<Vec<Option<String>>>,
}

impl Session {
    /// Connects and subscribes to these topics.
    ///
    /// # Errors
    /// When the broker cannot be reached, or rejects the connection or a subscription.
    pub async fn open(config: &BridgeConfig, topics: &[String]) -> Result<Self, SessionError> {
        let opening = async {
            let mut session = Self::connect(config).await?;
            session.subscribe(topics).await?;
            session.room = usize::from(config.receive_maximum);
            Ok(session)
        };
        let opened = timeout(HANDSHAKE_TIMEOUT, Box::pin(opening)).await;
        opened.unwrap_or(Err(SessionError::Timeout(HANDSHAKE_TIMEOUT)))
    }

    async fn connect(config: &BridgeConfig) -> Result<Self, SessionError> {
        let password = config.credentials.password();
        let password = password.map_err(|error| {
            let file = config.credentials.password_file.as_deref().unwrap_or("".as_ref());
            SessionError::File(format!("{} cannot be read: {error}", file.display()))
        })?;
        let (reader, writer) = tokio::io::split(socket::open(&config.address, &config.tls).await?);
        let mut session = Self {
            reader,
            writer,
            protocol: Protocol::new(config),
            incoming: BytesMut::with_capacity(READ_BYTES),
            outgoing: BytesMut::new(),
            needs_write: false,
            timers: Timers::default(),
            inbox: VecDeque::new(),
            // Messages of the session come before the reply to the subscription: it would never be read after too many.
            // They are limited by their packet ids, of which there are 65,535.
            room: usize::MAX,
            is_session_present: None,
            subscribed: None,
        };
        let steps = session.protocol.connect(config, password.as_deref())?;
        session.apply(steps)?;
        while session.is_session_present.is_none() {
            session.turn().await?;
        }
        Ok(session)
    }

    async fn subscribe(&mut self, topics: &[String]) -> Result<(), SessionError> {
        let steps = self.protocol.subscribe(topics)?;
        self.apply(steps)?;
        let reasons = loop {
            match self.subscribed.take() {
                Some(reasons) => break reasons,
                None => self.turn().await?,
            }
        };
        let rejected = reasons.into_iter().zip(topics).find_map(|(reason, topic)| {
            Some(SessionError::NotSubscribed { topic: topic.clone(), reason: reason? })
        });
        rejected.map_or(Ok(()), Err)
    }

    /// Whether the broker has kept the session of an earlier connection.
    #[must_use]
    pub fn is_session_present(&self) -> bool {
        self.is_session_present == Some(true)
    }

    /// The next messages: those that are there, `limit` at most, after waiting for the first one.
    ///
    /// # Errors
    /// When the connection ended.
    pub async fn receive(&mut self, limit: usize) -> Result<Vec<Message>, SessionError> {
        while self.inbox.is_empty() {
            self.turn().await?;
        }
        let count = limit.min(self.inbox.len());
        Ok(self.inbox.drain(..count).collect())
    }

    /// Receives further messages and sends what is to be sent, until the connection ends: for the time in which
    /// something else is awaited.
    pub async fn attend(&mut self) -> SessionError {
        loop {
            if let Err(error) = self.turn().await {
                return error;
            }
        }
    }

    /// Acknowledges messages in this order; it is sent by the next [`Session::receive`] or [`Session::attend`].
    ///
    /// # Errors
    /// When the connection ended.
    pub fn acknowledge(
        &mut self,
        packet_ids: impl IntoIterator<Item = u16>,
    ) -> Result<(), SessionError> {
        for id in packet_ids {
            let steps = self.protocol.acknowledge(id)?;
            self.apply(steps)?;
        }
        Ok(())
    }

    /// Sends what is to be sent and closes the connection. The broker keeps the session.
    pub async fn close(mut self) {
        let closing = async {
            let steps = self.protocol.disconnect()?;
            self.outgoing.extend(steps.into_iter().filter_map(sent).flatten());
            self.writer.write_all_buf(&mut self.outgoing).await?;
            self.writer.shutdown().await?;
            Ok::<_, SessionError>(())
        };
        // The broker notices a lost connection, too.
        let _ = timeout(CLOSE_TIMEOUT, closing).await;
    }

    /// Waits for one event of the connection. It can be cancelled at any time.
    async fn turn(&mut self) -> Result<(), SessionError> {
        let has_room = self.inbox.len() < self.room;
        let timer = self.timers.next();
        let deadline = timer.map_or_else(|| Instant::now() + NO_TIMER, |(_, at)| at);
        tokio::select! {
            read = self.reader.read_buf(&mut self.incoming), if has_room => {
                if read? == 0 {
                    return Err(SessionError::Closed);
                }
                let steps = self.protocol.receive(&self.incoming)?;
                self.incoming.clear();
                self.apply(steps)
            }
            written = write(&mut self.writer, &mut self.outgoing), if self.needs_write => {
                self.needs_write = !written?;
                Ok(())
            }
            () = sleep_until(deadline) => self.fire(timer.map(|(timer, _)| timer), has_room),
        }
    }

    fn fire(&mut self, timer: Option<TimerKind>, has_room: bool) -> Result<(), SessionError> {
        let Some(timer) = timer else { return Ok(()) };
        self.timers.cancel(timer);
        if timers::awaits_reply(timer) {
            // While nothing is read, the reply may have arrived.
            if has_room {
                return Err(SessionError::Closed);
            }
            return Ok(());
        }
        let steps = self.protocol.fire(timer)?;
        self.apply(steps)
    }

    fn apply(&mut self, steps: Vec<Step>) -> Result<(), SessionError> {
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    self.outgoing.extend_from_slice(&bytes);
                    self.needs_write = true;
                }
                Step::SetTimer(timer, milliseconds) => self.timers.set(timer, milliseconds),
                Step::CancelTimer(timer) => self.timers.cancel(timer),
                Step::Close => return Err(SessionError::Closed),
                Step::Receive(received) => self.take(received)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, received: Received) -> Result<(), SessionError> {
        match received {
            Received::Accepted { is_session_present } => {
                self.is_session_present = Some(is_session_present);
            }
            Received::Subscribed(reasons) => self.subscribed = Some(reasons),
            Received::Message(message) => self.inbox.push_back(message),
            Received::Refused(reason) => return Err(SessionError::Refused(reason)),
            Received::Disconnected(reason) => return Err(SessionError::Disconnected(reason)),
        }
        Ok(())
    }
}

/// Writes some of the bytes, or flushes when there are none left; true when all are sent. It can be cancelled at any time.
async fn write(writer: &mut WriteHalf<Box<dyn Socket>>, bytes: &mut BytesMut) -> io::Result<bool> {
    if bytes.is_empty() {
        writer.flush().await?;
        return Ok(true);
    }
    writer.write_buf(bytes).await?;
    Ok(false)
}

/// The bytes of a step that sends some.
fn sent(step: Step) -> Option<Vec<u8>> {
    match step {
        Step::Send(bytes) => Some(bytes),
        _ => None,
    }
}
