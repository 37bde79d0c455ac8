//! A broker between the processes. A test can close its port, make it silent, and remove its messages.

use chassis::databases::Gate;

/// Removes the messages of `RabbitMQ` that no consumer holds.
#[cfg(feature = "amqp")]
const PURGE: &str = "case rabbit_amqqueue:lookup(rabbit_misc:r(<<\"tasks\">>, queue, <<\"tasks.jobs\">>)) of \
    {ok, Q} -> rabbit_amqqueue:purge(Q); _ -> missing end";

/// A change of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It answers.
    Open,
    /// It refuses connections.
    Close,
    /// It accepts connections and answers nothing.
    Silence,
    /// It loses all messages.
    Purge,
}

/// A broker. The function owns its server.
pub(crate) struct Broker {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    act: Box<dyn FnMut(Act)>,
}

impl Broker {
    pub(crate) fn act(&mut self, act: Act) {
        (self.act)(act);
    }

    /// Redis. `None` if it is not installed.
    #[cfg(feature = "redis")]
    pub(crate) fn redis(test: &str) -> Option<Self> {
        use chassis::databases::Redis;

        Redis::can_start(test).then(|| {
            let redis = Redis::start(&[]);
            let (mut gate, url) = behind_gate(&redis.url());
            let act = move |act| match act {
                Act::Purge => drop(redis.call(&["FLUSHALL"])),
                act => reach(&mut gate, act),
            };
            Self { name: "Redis", url, act: Box::new(act) }
        })
    }

    /// `RabbitMQ`. `None` if it is not installed.
    #[cfg(feature = "amqp")]
    pub(crate) fn rabbitmq(test: &str) -> Option<Self> {
        use chassis::databases::RabbitMq;

        RabbitMq::can_start(test).then(|| {
            let server = RabbitMq::start(&[], &[]);
            let (mut gate, url) = behind_gate(&server.url());
            let act = move |act| match act {
                Act::Purge => drop(server.call(PURGE)),
                act => reach(&mut gate, act),
            };
            Self { name: "RabbitMQ", url, act: Box::new(act) }
        })
    }

    /// The emulator of SQS. `None` if it is not installed.
    #[cfg(feature = "sqs")]
    pub(crate) fn sqs(test: &str) -> Option<Self> {
        use chassis::databases::Sqs;
        use serde_json::json;

        Sqs::can_start(test).then(|| {
            let mut sqs = Sqs::start();
            sqs.create("tasks", tasks::broker::DELIVERIES);
            let url = sqs.url("tasks");
            let act = move |act| match act {
                Act::Purge => sqs.tell("PurgeQueue", "tasks", json!({})),
                act => reach(&mut sqs.gate, act),
            };
            Self { name: "SQS", url, act: Box::new(act) }
        })
    }
}

/// A gate in front of a server, and the URL of the server with the port of the gate.
fn behind_gate(url: &str) -> (Gate, String) {
    let mut url = url::Url::parse(url).unwrap();
    let gate = Gate::open(url.port().unwrap());
    url.set_port(Some(gate.port())).unwrap();
    (gate, url.into())
}

fn reach(gate: &mut Gate, act: Act) {
    match act {
        Act::Open => {
            gate.close();
            gate.open_again();
        }
        Act::Close => gate.close(),
        Act::Silence => gate.silence(),
        Act::Purge => unreachable!("the server does that"),
    }
}
