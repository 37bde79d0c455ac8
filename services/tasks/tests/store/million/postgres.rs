//! PostgreSQL.

use super::{
    NEEDED, TASKS, Work, check_search, kinds_of_lists, measured, none, query, search, user,
};
use chassis::databases::{Postgres, can_start};
use serde_json::Value;
use sqlx::postgres::{PgConnection, Postgres as Engine};
use sqlx::{AssertSqlSafe, Connection as _, Execute as _, Executor as _, QueryBuilder, Row as _};
use std::time::Instant;
use tasks::model::listing::{Filter, Query, Scope, Start};
use tasks::model::task::Status;
use tasks::store::{Options, POSTGRES_PLANNER, Target, migrate, open, postgres_list};

/// For data that the end of the test removes.
pub(crate) const SETTINGS: [&str; 4] =
    ["autovacuum=off", "max_wal_size=4GB", "maintenance_work_mem=256MB", "shared_buffers=256MB"];

pub(crate) async fn connect(server: &Postgres) -> PgConnection {
    let url = server.url("postgres");
    migrate(&Target::parse(&url).unwrap()).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (name, value) in POSTGRES_PLANNER {
        execute(&mut connection, format!("SET {name} = {value}")).await;
    }
    connection
}

pub(crate) async fn execute(connection: &mut PgConnection, sql: impl Into<String>) {
    connection.execute(AssertSqlSafe(sql.into())).await.unwrap();
}

/// Inserts tasks from `first` to before `end`. `owner` is an expression of the number of the user.
async fn insert(connection: &mut PgConnection, first: u64, end: u64, owner: &str, status: &str) {
    let id = |high: &str, number: &str| {
        format!("lpad('{high}' || lpad(to_hex({number}), 16, '0'), 32, '0')::uuid")
    };
    let sql = format!(
        "INSERT INTO tasks (id, user_id, assignee_id, type, status, priority, attempts, max_attempts, version, \
        created_at, updated_at, title, search) \
        SELECT {task}, {user}, CASE WHEN n % 20 = 0 THEN {small} END, \
        CASE WHEN n % 8 < 2 THEN 'send_email' ELSE 'manual' END, {status}, n / 2 % 4, 0, 5, 1, n, n, \
        'task ' || n, 'task ' || n FROM generate_series({first}, {end} - 1) AS n",
        task = id("0190000000007000", "n"),
        user = id("7000", owner),
        small = id("7000", "1"),
    );
    execute(connection, sql).await;
}

/// The numbers of the users, for [`insert`].
const OWNER: &str = "CASE WHEN n % 2 = 0 THEN 0 ELSE 1 + n / 2 % 1000 END";
const STATUS: &str = "CASE WHEN n % 6 < 2 THEN 'pending' ELSE 'completed' END";

/// The names and definitions of the indexes of lists.
async fn indexes(connection: &mut PgConnection) -> Vec<(String, String)> {
    let sql = "SELECT indexname, indexdef FROM pg_indexes \
        WHERE tablename = 'tasks' AND indexname <> 'tasks_pkey'";
    let found: Vec<_> = sqlx::query_as(sql).fetch_all(connection).await.unwrap();
    assert!(found.len() >= 10, "{found:?}");
    found
}

/// Fills the table, and then builds the indexes, which is faster.
async fn fill(connection: &mut PgConnection) {
    let indexes = indexes(connection).await;
    for (name, _) in &indexes {
        execute(connection, format!("DROP INDEX {name}")).await;
    }
    execute(connection, "ALTER TABLE attempts SET UNLOGGED").await;
    execute(connection, "ALTER TABLE tasks SET UNLOGGED, DISABLE TRIGGER ALL").await;
    insert(connection, 0, TASKS, OWNER, STATUS).await;
    for (_, sql) in indexes.into_iter().filter(|(name, _)| NEEDED.contains(&&**name)) {
        execute(connection, sql).await;
    }
    execute(connection, "VACUUM ANALYZE tasks").await;
}

/// Runs `EXPLAIN` on a statement with its parameters.
pub(crate) async fn explain(
    connection: &mut PgConnection,
    options: &str,
    statement: &mut QueryBuilder<Engine>,
) -> Value {
    let sql = format!("EXPLAIN ({options}, FORMAT JSON) {}", statement.sql().as_str());
    let arguments = statement.build().take_arguments().unwrap().unwrap();
    let explain = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
    let row = explain.fetch_one(connection).await.unwrap();
    let text: String = row.try_get_unchecked(0).unwrap();
    let mut plans: Value = serde_json::from_str(&text).unwrap();
    plans[0]["Plan"].take()
}

/// Calls `visit` with each node and with whether a limit is above it, without a sort between them.
pub(crate) fn walk(node: &Value, is_limited: bool, visit: &mut impl FnMut(&Value, bool)) {
    visit(node, is_limited);
    let kind = node["Node Type"].as_str().unwrap();
    let is_limited = kind == "Limit" || is_limited && !kind.contains("Sort");
    for child in node["Plans"].as_array().into_iter().flatten() {
        walk(child, is_limited, visit);
    }
}

fn is_of_tasks(node: &Value) -> bool {
    node["Relation Name"] == "tasks"
}

fn is_lookup(node: &Value) -> bool {
    node["Index Name"] == "tasks_pkey"
        && node["Index Cond"].as_str().is_some_and(|condition| condition.starts_with("(id = "))
}

/// The nodes that read more than ranges of indexes.
fn faults(plan: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(plan, false, &mut |node, is_limited| {
        let kind = node["Node Type"].as_str().unwrap();
        let is_range = kind.starts_with("Index") && node.get("Filter").is_none() && is_limited;
        if is_of_tasks(node) && !is_lookup(node) && !is_range {
            found.push(format!("{kind} {} {}", node["Index Name"], node["Filter"]));
        }
    });
    found
}

/// The entries of indexes that a statement read, and the blocks.
async fn run(connection: &mut PgConnection, statement: &mut QueryBuilder<Engine>) -> (u64, u64) {
    let plan = explain(connection, "ANALYZE, BUFFERS, TIMING OFF", statement).await;
    let mut entries = 0;
    walk(&plan, false, &mut |node, _| {
        if is_of_tasks(node) {
            let number = |name: &str| node[name].as_f64().unwrap_or_default();
            let rows = number("Actual Rows") + number("Rows Removed by Filter");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let read = (rows * number("Actual Loops")).round() as u64;
            entries += read;
        }
    });
    let blocks = |name: &str| plan[name].as_u64().unwrap();
    (entries, blocks("Shared Hit Blocks") + blocks("Shared Read Blocks"))
}

/// The faults of both statements of a list.
async fn faults_of(connection: &mut PgConnection, list: &Query) -> Vec<String> {
    let mut found = Vec::new();
    for mut statement in postgres_list(list) {
        let plan = explain(connection, "COSTS OFF", &mut statement).await;
        assert!(plan.to_string().contains(r#""tasks""#), "{plan}");
        found.extend(faults(&plan));
    }
    found
}

#[tokio::test]
async fn postgresql_reads_ranges_of_indexes() {
    if !can_start("million::postgresql_reads_ranges_of_indexes") {
        return;
    }
    let server = Postgres::start(&SETTINGS);
    let mut connection = connect(&server).await;
    execute(&mut connection, "ALTER TABLE tasks DISABLE TRIGGER ALL").await;
    insert(&mut connection, 0, 50_000, OWNER, STATUS).await;
    execute(&mut connection, "ANALYZE tasks").await;
    let lists = kinds_of_lists();
    for list in &lists {
        let found = faults_of(&mut connection, list).await;
        assert!(found.is_empty(), "{list:?}: {found:?}");
    }
    println!("PostgreSQL reads only ranges of indexes for {} lists", lists.len());
    execute(&mut connection, "DROP INDEX tasks_user_group_updated").await;
    let mut faulty = 0;
    for list in &lists {
        faulty += usize::from(!faults_of(&mut connection, list).await.is_empty());
    }
    assert!(faulty > 0, "no list needs the index");
}

#[tokio::test]
async fn postgresql_reads_only_the_part() {
    if !can_start("million::postgresql_reads_only_the_part") {
        return;
    }
    let server = Postgres::start(&SETTINGS);
    let mut connection = connect(&server).await;
    let start = Instant::now();
    fill(&mut connection).await;
    println!("PostgreSQL: {TASKS} tasks after {:?}", start.elapsed());
    let mut work = Work::default();
    for (name, query) in measured() {
        let [mut page, mut count] = postgres_list(&query);
        let start = Instant::now();
        let (entries, blocks) = run(&mut connection, &mut page).await;
        let elapsed = start.elapsed();
        println!("PostgreSQL: {name}: {entries} entries, {blocks} blocks, {elapsed:?}");
        let has_total = matches!(query.start, Start::Page(_));
        let total = if has_total { Some(run(&mut connection, &mut count).await.0) } else { None };
        work.0.push((name, entries, total));
    }
    work.check();
    let [mut page, _] = postgres_list(&search());
    assert_eq!(run(&mut connection, &mut page).await.0, TASKS / 2, "a search reads all texts");
    let target = Target::parse(&server.url("postgres")).unwrap();
    let store = open(&target, Options::default()).await.unwrap();
    check_search(&*store).await;
    store.close().await;
    work.check_documentation(4);
}

/// One user has all tasks when PostgreSQL analyzes the table. Later, users with other tasks come.
#[tokio::test]
async fn plans_do_not_need_statistics() {
    if !can_start("million::plans_do_not_need_statistics") {
        return;
    }
    let explain = [
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_timing=off",
    ];
    for is_analyzed in [false, true] {
        let settings: Vec<_> = SETTINGS.into_iter().chain(explain).collect();
        let server = Postgres::start(&settings);
        let mut connection = connect(&server).await;
        execute(&mut connection, "SET auto_explain.log_min_duration = -1").await;
        execute(&mut connection, "ALTER TABLE tasks DISABLE TRIGGER ALL").await;
        insert(&mut connection, 0, 30_000, "7", "'pending'").await;
        if is_analyzed {
            execute(&mut connection, "ANALYZE tasks").await;
        }
        insert(&mut connection, 30_000, 60_000, "8", "'completed'").await;
        insert(&mut connection, 60_000, 60_003, "9", "'pending'").await;
        let target = Target::parse(&server.url("postgres")).unwrap();
        let options = Options { connections: 1, ..Options::default() };
        let store = open(&target, options).await.unwrap();
        let mut lists = 0;
        for statuses in [vec![], vec![Status::Pending], vec![Status::Failed]] {
            for user in [user(7), user(8), user(9)] {
                for scope in [Scope::Visible(user), Scope::All] {
                    for start in [Start::Page(1), Start::Page(1000)] {
                        let filter = Filter { statuses: statuses.clone(), ..none() };
                        // PostgreSQL can keep the plan of a statement after five executions.
                        for _ in 0..7 {
                            store.list(query(scope, filter.clone(), start), None).await.unwrap();
                            lists += 1;
                        }
                    }
                }
            }
        }
        store.close().await;
        let log = server.log();
        assert_eq!(log.matches("FROM tasks WHERE id IN").count(), lists);
        for fault in ["Seq Scan on tasks", "Bitmap", "Removed by Filter"] {
            let line = log.lines().find(|line| line.contains(fault));
            assert!(line.is_none(), "analyzed: {is_analyzed}: {line:?}");
        }
        println!("analyzed: {is_analyzed}: {lists} lists read only ranges of indexes");
    }
}
