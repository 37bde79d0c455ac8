//! A machine that cannot isolate the work of a job does not offer its type.

use crate::support::{Setup, Testbed, pointers};
use serde_json::{Value, json};

const TASKS: &str = "POST /api/v1/tasks";

fn bodies() -> [Value; 3] {
    [
        json!({ "type": "resize_image", "payload": { "image": "iVBORw0KGgo=", "width": 1, "height": 1 } }),
        json!({ "type": "generate_report", "payload": { "format": "csv" } }),
        json!({ "title": "t" }),
    ]
}

#[tokio::test]
async fn type_is_refused_only_where_its_work_cannot_be_isolated() {
    for (can_isolate, expected) in [(true, [201; 3]), (false, [422, 201, 201])] {
        let bed = Testbed::with(Setup { can_isolate, ..Setup::default() }).await;
        let token = bed.user("ada").await.access;
        for (body, expected) in bodies().iter().zip(expected) {
            let reply = bed.bearer(&token, TASKS, body).await;
            assert_eq!(reply.status, expected, "{can_isolate} {body}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn refusal_names_the_type_and_every_other_error() {
    let bed = Testbed::with(Setup { can_isolate: false, ..Setup::default() }).await;
    let token = bed.user("ada").await.access;
    let [mut body, _, _] = bodies();
    let reply = bed.bearer(&token, TASKS, &body).await;
    assert_eq!(pointers(&reply), ["/type"]);
    let detail = &reply.json()["errors"][0]["detail"];
    assert_eq!(detail, "is not offered: this machine cannot isolate its work");
    body["payload"]["image"] = "R0lGODlh".into();
    let reply = bed.bearer(&token, TASKS, &body).await;
    assert_eq!(pointers(&reply), ["/payload/image", "/type"]);
}
