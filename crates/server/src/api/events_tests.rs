//! Listeners without a job: bounds, signs of life, and who does not listen.

use http_body_util::BodyExt;
use tokio::sync::broadcast;

use super::*;

fn event(id: i64) -> Arc<Event> {
    Arc::new(Event { id, name: "progress", data: "{}".into() })
}

async fn next(body: &mut Body) -> Option<String> {
    let frame = timeout(Duration::from_secs(10), body.frame()).await.unwrap()?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

#[test]
fn an_account_and_all_together_have_so_many_places() {
    let listeners = Listeners::default();
    let mut own: Vec<Place> = (0..LISTENERS_OF_ACCOUNT).map(|_| listeners.place("fi").unwrap()).collect();
    assert!(listeners.place("fi").is_none());
    own.pop();
    assert!(listeners.place("fi").is_some(), "a place that was left is free again");
    let others: Vec<Place> = (0..LISTENERS).filter_map(|k| listeners.place(&format!("account {k}"))).collect();
    assert_eq!(own.len() + others.len(), LISTENERS);
    drop((own, others));
    assert!(listeners.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_quiet_job_gives_signs_of_life_and_its_end_ends_the_stream() {
    let listeners = Listeners::default();
    let (tell, live) = broadcast::channel(4);
    let heard = Heard { first: vec![event(1)], live: Some(live) };
    let mut body = stream(heard, listeners.place("fi").unwrap(), Duration::from_millis(20));
    assert_eq!(next(&mut body).await.as_deref(), Some("id: 1\nevent: progress\ndata: {}\n\n"));
    assert_eq!(next(&mut body).await.as_deref(), Some(": alive\n\n"));
    tell.send(event(2)).unwrap();
    let mut heard = String::new();
    while !heard.contains("id: 2\n") {
        heard += &next(&mut body).await.unwrap();
    }
    drop(tell);
    while let Some(piece) = next(&mut body).await {
        assert_eq!(piece, ": alive\n\n");
    }
    assert!(listeners.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_listener_that_lags_is_dropped_and_blocks_nobody() {
    let (tell, live) = broadcast::channel(4);
    let heard = Heard { first: Vec::new(), live: Some(live) };
    let mut body = stream(heard, Listeners::default().place("fi").unwrap(), HEARTBEAT);
    // Nothing waits here although nobody takes anything.
    (0..1000).for_each(|id| drop(tell.send(event(id))));
    let mut n = 0;
    while next(&mut body).await.is_some() {
        n += 1;
    }
    assert!(n <= WAITING + 5, "{n}");
}
