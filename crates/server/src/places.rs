//! Places for connections. When all are taken, the connection that has been waited for longest gives way, so that clients which say
//! nothing, or little, keep nobody out; one that is being answered keeps its place.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

/// All places.
pub(crate) struct Places {
    most: usize,
    held: Mutex<Held>,
    freed: Notify,
}

/// Who holds a place, by the last sign of life.
#[derive(Default)]
struct Held {
    last: u64,
    seats: BTreeMap<u64, Seat>,
}

struct Seat {
    is_answered: bool,
    leave: Arc<Notify>,
}

/// A place that is held; given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    order: Mutex<u64>,
    leave: Arc<Notify>,
}

impl Places {
    /// This many places, all free.
    pub(crate) fn new(most: usize) -> Arc<Places> {
        Arc::new(Places { most, held: Mutex::default(), freed: Notify::new() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place, if need be from whoever has been waited for longest. Where all are being answered, waits until one is done.
    pub(crate) async fn take(self: &Arc<Places>) -> Place {
        loop {
            if let Some(place) = self.try_take() {
                return place;
            }
            self.freed.notified().await;
        }
    }

    fn try_take(self: &Arc<Places>) -> Option<Place> {
        let mut held = self.held();
        if held.seats.len() >= self.most {
            let idle = held.seats.iter().find(|(_, seat)| !seat.is_answered).map(|(order, _)| *order)?;
            if let Some(seat) = held.seats.remove(&idle) {
                seat.leave.notify_one();
            }
        }
        held.last += 1;
        let (order, leave) = (held.last, Arc::new(Notify::new()));
        held.seats.insert(order, Seat { is_answered: false, leave: leave.clone() });
        Some(Place { places: self.clone(), order: Mutex::new(order), leave })
    }
}

impl Place {
    /// Notes a sign of life, and whether it is our turn now.
    fn note(&self, is_answered: bool) {
        let mut held = self.places.held();
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        // Who was told to leave stays gone.
        let Some(mut seat) = held.seats.remove(&order) else { return };
        seat.is_answered = is_answered;
        held.last += 1;
        *order = held.last;
        held.seats.insert(*order, seat);
        drop((held, order));
        self.places.freed.notify_one();
    }

    /// A router that notes in this place whose turn it is; a handler that waits for the client finds the place in the request.
    pub(crate) fn noting(place: &Arc<Place>, router: &Router) -> Router {
        let place = place.clone();
        router.clone().layer(from_fn(move |mut request: Request, next: Next| {
            let place = place.clone();
            request.extensions_mut().insert(place.clone());
            async move {
                place.is_answered();
                let response = next.run(request).await;
                place.is_waited_for();
                response
            }
        }))
    }

    /// It is our turn: the client has asked and waits for us.
    pub(crate) fn is_answered(&self) {
        self.note(true);
    }

    /// It is the client's turn: to shake hands, to send, to read.
    pub(crate) fn is_waited_for(&self) {
        self.note(false);
    }

    /// Ends when the place is given to another one.
    pub(crate) async fn is_lost(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let order = *self.order.lock().unwrap_or_else(PoisonError::into_inner);
        self.places.held().seats.remove(&order);
        self.places.freed.notify_one();
    }
}

/// A stream whose other end must go on reading: a write that makes no way for so long fails.
pub(crate) struct Prompt<S> {
    stream: S,
    patience: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Prompt<S> {
    pub(crate) fn new(stream: S, patience: Duration) -> Prompt<S> {
        Prompt { stream, patience, deadline: None }
    }

    fn judge<T>(&mut self, polled: Poll<io::Result<T>>, cx: &mut Context) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.deadline = None;
            return polled;
        }
        let patience = self.patience;
        ready!(self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience))).as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context, room: &mut ReadBuf) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, room)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(polled, cx)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(polled, cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(polled, cx)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context, parts: &[io::IoSlice]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(polled, cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn the_one_waited_for_longest_gives_way_and_the_one_being_answered_stays() {
        runtime().block_on(async {
            let places = Places::new(3);
            let (first, second, third) = (places.take().await, places.take().await, places.take().await);
            first.is_answered();
            third.is_waited_for();
            let fourth = places.take().await;
            second.is_lost().await;
            assert_eq!(places.held().seats.len(), 3);
            [&third, &fourth].iter().for_each(|place| place.is_answered());
            assert!(places.try_take().is_none(), "all are being answered");
            drop(second);
            assert!(places.try_take().is_none(), "who has lost a place has none to give back");
            drop(first);
            assert!(places.try_take().is_some());
        });
    }

    #[test]
    fn a_write_that_nobody_reads_fails() {
        runtime().block_on(async {
            use tokio::io::AsyncWriteExt;
            let (near, _far) = tokio::io::duplex(16);
            let mut near = Prompt::new(near, Duration::from_millis(20));
            let error = near.write_all(&[0; 64]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        });
    }
}
