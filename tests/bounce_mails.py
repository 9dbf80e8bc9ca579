"""Reports of failed delivery as mail servers write them: their shapes, in words of our own."""

from __future__ import annotations

ORIGINAL = "From: khong-tra-loi@planner.example.vn\nSubject: =?utf-8?B?TmjhuqNj?=\nMessage-ID: <x@planner.example.vn>\n"


def postfix(
    to: str,
    recipient: str,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    diagnostic: str = "smtp; 550 5.1.1 <{recipient}>: no mailbox of this name",
    sender: str = "<>",
    step: str = "RCPT TO",
) -> bytes:
    """Return a report as Postfix lays it out: notification, status, the headers that came back."""
    return f"""Return-Path: {sender}
Delivered-To: {to}
Received: by relay.example.vn (Postfix) id 4A11; Mon, 18 May 2020 08:00:03 +0700 (+07)
Date: Mon, 18 May 2020 08:00:03 +0700 (+07)
From: MAILER-DAEMON@relay.example.vn (Mail Delivery System)
Subject: Undelivered mail
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4A11.1589763603/relay.example.vn"
Content-Transfer-Encoding: 8bit
Message-Id: <20200518010003.4A11@relay.example.vn>

This is a MIME-encapsulated message.

--4A11.1589763603/relay.example.vn
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

Your mail did not reach one of its readers.

<{recipient}>: host mx.example.vn[192.0.2.1] said: {diagnostic.format(recipient=recipient).partition(";")[2].strip()}
    (in reply to {step} command)

--4A11.1589763603/relay.example.vn
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example.vn
X-Postfix-Queue-ID: 4A10
X-Postfix-Sender: rfc822; {to}
Arrival-Date: Mon, 18 May 2020 08:00:01 +0700 (+07)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.vn
Diagnostic-Code: {diagnostic.format(recipient=recipient)}

--4A11.1589763603/relay.example.vn
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{ORIGINAL}
--4A11.1589763603/relay.example.vn--
""".encode()


def exim(to: str, recipient: str, *, words: str = "550 5.1.1 user unknown here") -> bytes:
    """Return a report as Exim lays it out: the bare class as status, no space behind the type of an address."""
    return f"""Return-path: <>
Envelope-to: {to}
Delivery-date: Mon, 18 May 2020 08:00:09 +0700
Received: from mail by mx.example.vn with local id 1jaUqB-0001; Mon, 18 May 2020 08:00:09 +0700
X-Failed-Recipients: {recipient}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.vn>
To: {to}
References: <x@planner.example.vn>
Content-Type: multipart/report; report-type=delivery-status; boundary=1589763609-eximdsn-77
MIME-Version: 1.0
Subject: Mail could not be delivered
Date: Mon, 18 May 2020 08:00:09 +0700

--1589763609-eximdsn-77
Content-type: text/plain; charset=us-ascii

A message could not be delivered to this address:

  {recipient}
    host inner.example.vn [192.0.2.2]
    SMTP error from remote mail server after RCPT TO:<{recipient}>:
    {words}

--1589763609-eximdsn-77
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example.vn

Action: failed
Final-Recipient: rfc822;{recipient}
Status: 5.0.0
Remote-MTA: dns; inner.example.vn
Diagnostic-Code: smtp; {words}

--1589763609-eximdsn-77
Content-type: message/rfc822

{ORIGINAL}

Noi dung
--1589763609-eximdsn-77--
""".encode()


def exchange(to: str, recipient: str) -> bytes:
    """Return a report as Exchange lays it out: CRLF, an HTML part, display fields, the words on a line of their own."""
    text = f"""Received: from ex01.example.vn (10.0.0.5) by ex02.example.vn with Microsoft SMTP Server;
 Mon, 18 May 2020 08:00:05 +0700
MIME-Version: 1.0
From: <postmaster@example.vn>
To: <{to}>
Date: Mon, 18 May 2020 08:00:05 +0700
Content-Type: multipart/report; report-type=delivery-status;
 boundary="6ff1c9a0-77c2-4f5e-9d0e"
Content-Language: vi-VN
Subject: Undeliverable: =?utf-8?B?TmjhuqNj?=
Auto-Submitted: auto-replied
Return-Path: <>

--6ff1c9a0-77c2-4f5e-9d0e
Content-Type: multipart/alternative; differences=Content-Type; boundary="inner-1"

--inner-1
Content-Type: text/plain; charset="us-ascii"

The address was not found.

--inner-1
Content-Type: text/html; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

<p>The address was not found.</p>

--inner-1--

--6ff1c9a0-77c2-4f5e-9d0e
Content-Type: message/delivery-status

Reporting-MTA: dns;ex02.example.vn
Received-From-MTA: dns;ex01.example.vn
Arrival-Date: Mon, 18 May 2020 01:00:04 +0000

Original-Recipient: rfc822;{recipient.upper()}
Final-Recipient: rfc822;{recipient}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound;
 no such recipient in the directory
X-Display-Name: Nguyen Van A

--6ff1c9a0-77c2-4f5e-9d0e
Content-Type: message/rfc822

{ORIGINAL}
--6ff1c9a0-77c2-4f5e-9d0e--
"""
    return text.replace("\n", "\r\n").encode()


def vacation(to: str) -> bytes:
    """Return what an out-of-office robot answers."""
    return (
        f"Return-Path: <>\nTo: {to}\nFrom: an@example.vn\nSubject: Toi di vang\nAuto-Submitted: auto-replied\n"
        "Content-Type: text/plain\n\nToi di cong tac.\n"
    ).encode()


def read_receipt(to: str, recipient: str) -> bytes:
    """Return a notice that a mail was opened or deleted (RFC 8098): multipart/report too, but of another type."""
    report = postfix(to, recipient)
    return report.replace(b"report-type=delivery-status", b"report-type=disposition-notification")


def forwarded(to: str, inside: bytes) -> bytes:
    """Return a message of somebody who passes a report on."""
    head = f'To: {to}\nFrom: an@example.vn\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="out"\n\n'
    return head.encode() + b"--out\nContent-Type: message/rfc822\n\n" + inside + b"\n--out--\n"
