//! What executions say while they run.

use jiff::{SignedDuration, Timestamp};
use model::ids::{ExecutionId, WorkspaceId};
use store::Page;
use store::logs::{Filter, Level, NewLine};

use crate::support::{Fixture, stranger, suite};

fn execution() -> ExecutionId {
    ExecutionId::new(u64::try_from(Timestamp::now().as_millisecond()).unwrap(), [3; 10])
}

fn line(workspace: WorkspaceId, execution: ExecutionId, level: Level, message: &str) -> NewLine {
    NewLine {
        workspace,
        execution,
        at: Timestamp::now(),
        level,
        node: Some("fetch".into()),
        run_index: Some(0),
        message: message.into(),
        details: None,
    }
}

suite! {
    async fn lines_are_read_in_their_order_and_in_pieces(store: &Fixture) {
        let (workspace, execution) = (WorkspaceId::new(1, [1; 10]), execution());
        for number in 0..250 {
            let level = if number % 50 == 0 { Level::Error } else { Level::Info };
            let mut line = line(workspace, execution, level, &format!("line {number} \u{0}'"));
            if number % 2 == 1 {
                line.node = None;
                line.details = Some("{\"a\":1}".into());
            }
            store.log(line);
        }
        store.log(line(workspace, ExecutionId::new(9, [9; 10]), Level::Info, "of another"));
        store.flush_logs().await;
        assert_eq!(store.dropped_lines(), 0);

        let all = Filter::default();
        let mut read = Vec::new();
        let mut page = Page::first(100);
        loop {
            let piece = store.logs(workspace, execution, &all, page).await.unwrap();
            page = Page::after(piece.items.last().expect("a piece has lines").id, 100);
            read.extend(piece.items);
            if !piece.more {
                break;
            }
        }
        assert_eq!(read.len(), 250);
        assert!(read.iter().enumerate().all(|(number, line)| line.message.starts_with(&format!("line {number} "))));
        assert_eq!((read[1].details.as_deref(), read[1].node.as_deref()), (Some("{\"a\":1}"), None));
        assert_eq!((read[0].level, read[0].run_index), (Level::Error, Some(0)));

        let errors = Filter { level: Some(Level::Warn), ..Filter::default() };
        let piece = store.logs(workspace, execution, &errors, Page::first(9)).await.unwrap();
        assert_eq!((piece.items.len(), piece.more), (5, false));
        let fetch = Filter { node: Some("fetch".into()), ..Filter::default() };
        assert_eq!(store.logs(workspace, execution, &fetch, Page::first(999)).await.unwrap().items.len(), 125);
        let tail = store.log_tail(workspace, execution, &all, 3).await.unwrap();
        assert_eq!(tail.iter().map(|line| line.id).collect::<Vec<_>>(), [read[247].id, read[248].id, read[249].id]);
        assert!(store.logs(stranger(), execution, &all, Page::first(9)).await.unwrap().items.is_empty());
    }

    async fn old_months_go_as_a_whole(store: &Fixture) {
        let (workspace, execution) = (WorkspaceId::new(1, [1; 10]), execution());
        store.log(line(workspace, execution, Level::Info, "now"));
        store.flush_logs().await;
        assert_eq!(store.drop_logs(Timestamp::now()).await.unwrap(), 0);
        let later = Timestamp::now() + SignedDuration::from_hours(24 * 62);
        assert!(store.drop_logs(later).await.unwrap() >= 1);
        let all = Filter::default();
        assert!(store.logs(workspace, execution, &all, Page::first(9)).await.unwrap().items.is_empty());
        // What comes later is kept again.
        store.log(line(workspace, execution, Level::Info, "again"));
        store.flush_logs().await;
        let read = store.logs(workspace, execution, &all, Page::first(9)).await.unwrap().items;
        assert_eq!(read.len() as u64 + store.dropped_lines(), 1);
    }

    async fn a_flood_is_dropped_and_counted_and_blocks_nobody(store: &Fixture) {
        let (workspace, execution) = (WorkspaceId::new(1, [1; 10]), execution());
        let begun = std::time::Instant::now();
        for _ in 0..60_000 {
            store.log(line(workspace, execution, Level::Info, "flood"));
        }
        let took = begun.elapsed();
        store.flush_logs().await;
        let page = Page::first(100_000);
        let kept = store.logs(workspace, execution, &Filter::default(), page).await.unwrap().items.len();
        assert_eq!(kept as u64 + store.dropped_lines(), 60_000);
        assert!(kept >= 10_000, "{kept}");
        assert!(took.as_secs() < 10, "{took:?}");
    }
}
