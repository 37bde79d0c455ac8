//! The streams of events of this process.
//!
//! A stream wakes at a commit of this process at once, and after one of another process by its notification or by the look at
//! the database, which this process takes once a second for all streams together. The same look finds the sessions that have
//! ended. There is no look while no stream is open.

mod feed;
mod stream;
mod wire;

use self::feed::Feed;
use self::stream::{Place, Reader, State};
use crate::model::session::SessionId;
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::{News, Store, StoreError};
use bytes::Bytes;
use chassis::clock::Clock;
use futures_util::{Stream, stream as pieces};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

/// The streams of each user in this process.
pub const STREAMS_OF_A_USER: usize = 10;
/// The time between two looks at the database.
const LOOK: Duration = Duration::from_secs(1);

/// The token of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// Its user.
    pub user: UserId,
    /// Its session.
    pub session: SessionId,
    /// The time at which it ends.
    pub ends: Timestamp,
}

/// Why there is no stream.
#[derive(Debug)]
pub enum NoStream {
    /// The user has [`STREAMS_OF_A_USER`].
    TooMany,
    /// The database gave no result.
    Store(StoreError),
}

/// All streams.
#[derive(Debug)]
pub struct Streams {
    store: Arc<dyn Store>,
    clock: Clock,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    users: HashMap<UserId, OfUser>,
    opened: u64,
    is_watched: bool,
}

#[derive(Debug, Default)]
struct OfUser {
    feed: Arc<Feed>,
    streams: HashMap<u64, (Holder, watch::Sender<State>)>,
}

impl Streams {
    /// No streams yet.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { store, clock, open: Mutex::default() })
    }

    /// Opens a stream of what follows an event, or of what follows now.
    pub async fn open(
        self: &Arc<Self>,
        holder: Holder,
        after: Option<i64>,
    ) -> Result<impl Stream<Item = Bytes> + Send + use<>, NoStream> {
        // Before the numbers are read, so that no news are missed.
        let place = self.enter(holder).ok_or(NoStream::TooMany)?;
        let page = self.store.events().events_after(holder.user, None, 0).await;
        let numbers = page.map_err(NoStream::Store)?.numbers;
        let after = after.unwrap_or(numbers.last);
        let after = numbers.continue_after(after).then_some(after);
        let reader = Reader::new(place, numbers.last, after);
        Ok(pieces::unfold(reader, async |mut reader| Some((reader.next().await?, reader))))
    }

    fn enter(self: &Arc<Self>, holder: Holder) -> Option<Place> {
        let mut open = self.lock();
        open.opened += 1;
        let number = open.opened;
        let of_user = open.users.entry(holder.user).or_default();
        if of_user.streams.len() >= STREAMS_OF_A_USER {
            return None;
        }
        let (sender, state) = watch::channel(State::default());
        of_user.streams.insert(number, (holder, sender));
        let feed = Arc::clone(&of_user.feed);
        if !std::mem::replace(&mut open.is_watched, true) {
            let news = self.store.signals().news();
            tokio::spawn(Arc::clone(self).watch(news));
        }
        Some(Place { streams: Arc::clone(self), user: holder.user, number, feed, state })
    }

    fn leave(&self, place: &Place) {
        let mut open = self.lock();
        if let Some(of_user) = open.users.get_mut(&place.user) {
            of_user.streams.remove(&place.number);
            if of_user.streams.is_empty() {
                open.users.remove(&place.user);
            }
        }
    }

    /// Wakes the streams of a user.
    fn note(&self, user: UserId, last: i64) {
        if let Some(of_user) = self.lock().users.get(&user) {
            for (_, sender) in of_user.streams.values() {
                sender.send_if_modified(|state| {
                    let is_new = state.last < last;
                    state.last = last.max(state.last);
                    is_new
                });
            }
        }
    }

    /// A stream could not read what it was woken for.
    fn forget(&self, place: &Place, at: i64) {
        if let Some(of_user) = self.lock().users.get(&place.user)
            && let Some((_, sender)) = of_user.streams.get(&place.number)
        {
            sender.send_if_modified(|state| {
                state.last = at;
                false
            });
        }
    }

    /// Ends the streams of these holders.
    fn end(&self, ends: impl Fn(&Holder) -> bool) {
        for of_user in self.lock().users.values() {
            for (_, sender) in of_user.streams.values().filter(|(holder, _)| ends(holder)) {
                sender.send_modify(|state| state.ended = true);
            }
        }
    }

    /// Watches until no stream is open.
    async fn watch(self: Arc<Self>, mut news: Receiver<News>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            tokio::select! {
                _ = looks.tick() => {
                    if let Err(error) = self.look().await {
                        tracing::debug!(cause = %error, "streams cannot look at the database");
                    }
                }
                received = news.recv() => match received {
                    Ok(news) => self.hear(news),
                    // The next look finds what is missed.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    fn is_over(&self) -> bool {
        let mut open = self.lock();
        open.is_watched = !open.users.is_empty();
        !open.is_watched
    }

    fn hear(&self, news: News) {
        match news {
            News::Committed(numbers) | News::CommittedElsewhere(numbers) => {
                for (user, last) in numbers {
                    self.note(user, last);
                }
            }
            News::SessionEnded(session) => self.end(|holder| holder.session == session),
            News::SessionsEnded(user, kept) => {
                self.end(|holder| holder.user == user && Some(holder.session) != kept);
            }
        }
    }

    /// One statement for the numbers, and one for the sessions.
    async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now().into();
        self.end(|holder| holder.ends <= now);
        let (users, mut sessions) = self.holders();
        if users.is_empty() {
            return Ok(());
        }
        let events = self.store.events();
        for (user, last) in events.last_numbers(users).await? {
            self.note(user, last);
        }
        sessions.sort_unstable();
        sessions.dedup();
        let mut open = events.open_sessions(sessions.clone(), now).await?;
        open.sort_unstable();
        let has = |list: &[SessionId], session| list.binary_search(&session).is_ok();
        self.end(|holder| has(&sessions, holder.session) && !has(&open, holder.session));
        Ok(())
    }

    fn holders(&self) -> (Vec<UserId>, Vec<SessionId>) {
        let open = self.lock();
        let streams = open.users.values().flat_map(|of_user| of_user.streams.values());
        let sessions = streams.map(|(holder, _)| holder.session).collect();
        (open.users.keys().copied().collect(), sessions)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
