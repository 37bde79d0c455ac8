//! One mail over one connection to a server.
//!
//! The steps are written here, and not left to the transport of `lettre`: it waits for the answer to `QUIT` without a
//! limit, so a mail that the server has accepted could count as not sent.

use super::{Message, NotSent, Server};
use crate::model::mail::Domain;
use crate::model::task::TaskId;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use std::time::Duration;
use tokio::time::timeout;

/// The time that the server has to say goodbye after it has accepted the mail.
const GOODBYE: Duration = Duration::from_secs(1);

/// A step that failed. Without an error, the status was unexpected.
struct Broken(&'static str, Option<Error>);

/// Sends a mail. The caller limits the time.
pub(super) async fn send(server: &Server, name: &Domain, message: &Message) -> Result<(), NotSent> {
    steps(server, name, message).await.map_err(|broken| not_sent(message.task, &broken))
}

async fn steps(server: &Server, name: &Domain, message: &Message) -> Result<(), Broken> {
    let mut connection = connect(server, name).await?;
    if let Some(credentials) = &server.credentials {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let entered = connection.auth(&mechanisms, credentials).await;
        entered.map_err(|error| Broken("the login", Some(error)))?;
    }
    let sender = message.envelope.from().cloned();
    let started = connection.command(Mail::new(sender, Vec::new())).await;
    expect(2, "the sender", started)?;
    for recipient in message.envelope.to() {
        let accepted = connection.command(Rcpt::new(recipient.clone(), Vec::new())).await;
        expect(2, "the recipient", accepted)?;
    }
    expect(3, "the mail", connection.command(Data).await)?;
    expect(2, "the mail", connection.message(message.as_bytes()).await)?;
    // The mail is sent, whatever the answer is.
    drop(timeout(GOODBYE, connection.command(Quit)).await);
    Ok(())
}

async fn connect(server: &Server, name: &Domain) -> Result<AsyncSmtpConnection, Broken> {
    let name = ClientId::Domain(name.as_str().to_owned());
    let address = (server.host.as_str(), server.port);
    let wrapper = match &server.tls {
        Tls::Wrapper(parameters) => Some(parameters.clone()),
        _ => None,
    };
    let connected = AsyncSmtpConnection::connect_tokio1(address, None, &name, wrapper, None).await;
    let mut connection = connected.map_err(|error| Broken("the connection", Some(error)))?;
    if let Tls::Required(parameters) = &server.tls {
        let secured = connection.starttls(parameters.clone(), &name).await;
        secured.map_err(|error| Broken("STARTTLS", Some(error)))?;
    }
    Ok(connection)
}

/// Checks the first digit of the status of an answer.
fn expect(class: u8, step: &'static str, answer: Result<Response, Error>) -> Result<(), Broken> {
    let answer = answer.map_err(|error| Broken(step, Some(error)))?;
    if answer.code().severity as u8 == class { Ok(()) } else { Err(Broken(step, None)) }
}

/// The texts of a server can contain the address of the recipient. So neither the owner nor the log gets them.
fn not_sent(task: TaskId, Broken(step, error): &Broken) -> NotSent {
    let Some(error) = error else {
        tracing::warn!(task_id = %task, step, "the answer of the mail server is unexpected");
        return NotSent::BrokenOff;
    };
    if let Some(code) = error.status() {
        let status = u16::from(code);
        tracing::warn!(task_id = %task, step, status, "the mail server refused a mail");
        let is_temporary = code.severity == Severity::TransientNegativeCompletion;
        return NotSent::Refused { step, class: if is_temporary { 4 } else { 5 } };
    }
    if error.is_response() {
        tracing::warn!(task_id = %task, step, "the answer of the mail server is incomplete or not SMTP");
        return NotSent::BrokenOff;
    }
    let cause = error as &dyn std::error::Error;
    tracing::warn!(task_id = %task, step, error = cause, "the mail server failed");
    if matches!(*step, "the connection" | "STARTTLS") {
        NotSent::Unreachable
    } else {
        NotSent::BrokenOff
    }
}
