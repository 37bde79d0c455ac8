//! `ops page test` against the emulated AWS: a subscriber gets the message. Without a subscriber, the command fails.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use xtask::emulator::{self, Emulator};

struct Stack {
    folder: tempfile::TempDir,
    emulator: Emulator,
}

impl Stack {
    fn aws(&self, arguments: &[&str]) -> Value {
        let mut aws = Command::new("aws");
        // For SQS, the CLI ignores the variable of the endpoint.
        aws.args(arguments).args(["--output", "json", "--endpoint-url", &self.endpoint()]);
        self.emulator.connect(&mut aws);
        let output = aws.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn endpoint(&self) -> String {
        let mut command = Command::new("aws");
        self.emulator.connect(&mut command);
        let mut variables = command.get_envs();
        let endpoint = variables.find(|(name, _)| *name == "AWS_ENDPOINT_URL").unwrap().1;
        endpoint.unwrap().to_str().unwrap().to_owned()
    }

    /// Success and output of the command.
    fn page_test(&self, environment: &str) -> (bool, String) {
        let mut ops = Command::new(env!("CARGO_BIN_EXE_ops"));
        ops.args(["page", "test", "--root"]).arg(self.folder.path());
        // The folder has a state but no configuration.
        ops.env("TF_BACKEND", "none").env("TF_VARS", "none").env("CHECKPOINT_DISABLE", "1");
        self.emulator.connect(ops.env("ENVIRONMENT", environment));
        let output = ops.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    }
}

#[test]
fn subscriber_gets_a_message_marked_as_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    if !emulator::is_available(root).unwrap() {
        println!("SKIPPED: page: the emulated AWS could not be installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(root, &folder.path().join("emulator")).unwrap();
    let stack = Stack { folder, emulator };
    let (good, said) = stack.page_test("production");
    assert!(!good && said.contains("has no topic: deploy production first"), "{said}");

    let topic = stack.aws(&["sns", "create-topic", "--name", "sum-api-production-page"]);
    let topic = topic["TopicArn"].as_str().unwrap();
    let state = json!({ "version": 4, "serial": 1, "lineage": "a", "resources": [], "outputs": {
        "topics": { "value": { "page": topic }, "type": ["object", { "page": "string" }] } } });
    fs::write(stack.folder.path().join("terraform.tfstate"), state.to_string()).unwrap();
    let (good, said) = stack.page_test("production");
    assert!(
        !good
            && said.contains("0 subscriptions\nNo subscription is confirmed, so nothing was sent"),
        "{said}"
    );

    stack.aws(&["sqs", "create-queue", "--queue-name", "pager"]);
    // The CLI calls the host of this URL. The URL from the emulator would name a host of AWS.
    let queue = format!("{}/123456789012/pager", stack.endpoint());
    let endpoint = "arn:aws:sqs:us-east-1:123456789012:pager";
    stack.aws(&[
        "sns",
        "subscribe",
        "--topic-arn",
        topic,
        "--protocol",
        "sqs",
        "--notification-endpoint",
        endpoint,
    ]);
    let (good, said) = stack.page_test("staging");
    assert!(!good && said.contains("not to staging"), "{said}");
    let (good, said) = stack.page_test("production");
    assert!(good, "{said}");
    assert!(
        said.contains(&format!("  confirmed      sqs     {endpoint}\nSent to 1 of 1: message ")),
        "{said}"
    );

    let received = stack.aws(&[
        "sqs",
        "receive-message",
        "--queue-url",
        &queue,
        "--max-number-of-messages",
        "10",
    ]);
    let messages = received["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    let message: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(message["Subject"], "TEST, no incident: sum-api-production-page");
    let text = message["Message"].as_str().unwrap();
    assert!(text.starts_with("This is a test of the topic sum-api-production-page"), "{text}");
    assert!(text.contains("Nothing is wrong"), "{text}");
}
