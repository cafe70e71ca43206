"""Sentences with people, places, addresses and organisations in them, to be filled with made-up values.

Slots in capitals are what the tagger learns to find: {P} a person, {F} a first name, {L} a last name, {Q} a name
with the last name first, {C} a town, {N} a country, {A} an address, {O} an organisation. {T} is a form of address,
which is not part of a name. Slots in small letters are filled with what is none of these.
"""

from __future__ import annotations

TALK = """\
Hi, this is {P} and I cannot get into my account.
Could you ask {P} to call me back before {time}?
My name is {P}, I ordered {thing} on {date} and it never came.
I spoke with {F} from your team last week about the {thing}.
Please remove {P} from the mailing list.
{P} here. Any news on ticket {id}?
Is {F} in today?
I'd like to change the name on the account from {P} to {P}.
My husband {F} and I are moving to {C}.
Who is {P}?
What did {P} say about the {thing}?
Tell {F} I said hello.
Can {F} and {F} join the call at {time}?
{F}, can you look at the {thing} when you have a minute?
Thanks {F}!
thank you so much {F}, that fixed it
Hey {F}, how are you?
Good morning {F},
Dear {T} {L},
Dear {F},
Dear {P},
Hello {F} and {F},
hi {F}! quick question about the {thing}
@{user} have you seen what {P} wrote about {tech}?
{T} {L} will see you now.
Please book {T} {P} on the {time} flight to {C}.
I need a refund. The card is in the name of {P}.
The parcel is for {P}, {A}.
Deliver to: {P}, {A}
ship it to {F} {L} at {A}
The account holder is {P}, born on {date}.
My colleague {P} ({job}) is on holiday until {date}.
{P} (born {date}) was admitted with chest pain.
Speak to {F} in {word} or to {T} {L}.
Let {F} know that I can't make it on {day}.
you should ask {F}, he knows more about {tech} than I do
{F}'s mother lives in {C}.
{P}'s laptop needs a new {thing}.
That was {F}'s idea, not mine.
I think {F} broke the build again.
Did you invite {F}, {F} and {F} to the party?
We met {P} in {C} two years ago.
My neighbour {P} plays the piano until midnight.
My daughter {F} is allergic to nuts.
My son's teacher, {T} {L}, says he is doing well.
i am {P} and i live in {C}, {N}
call {P} on {phone}
You can reach {P} at {mail} or {phone}.
{P} <{mail}> wrote:
On {date}, {P} wrote:
From: {P} <{mail}>
To: {P} <{mail}>; {P} <{mail}>
Cc: {Q}
Sent by {P} from my phone
Regards,\\n{P}
Best,\\n{F}
Kind regards\\n\\n{P}\\n{job}\\n{O}
Cheers, {F}
Sincerely,\\n{P}\\n{A}\\n{phone}
Thanks,\\n{F}\\n\\n--\\n{P} | {job} | {O} | {phone}
Yours faithfully,\\n{T} {P}
Love,\\n{F} xx
Attn: {P}
c/o {P}, {A}
{F}: hi, are you there?\\n{F}: yes, one moment\\n{F}: ok thanks
[{time}] {F}: the {thing} is down again
[{time}] {P}: I'll take it.
{P} ({time}): {sent}
Agent {F}: How can I help you today?\\nCustomer: my name is {P}
Interviewer: Where did you grow up?\\n{T} {L}: In {C}.
{L}: No further questions.
SPEAKER 1 ({P}): {sent}
{user}: hey {F}\\n{user}: did {F} text you back?
i miss {F} so much
lol {F} is such a clown
Happy birthday {F}!!! hope you have a great day
Congrats to {P} on the new job at {O}!
RT @{user}: {P} is playing in {C} tonight
just saw {P} at the airport omg
watching {P} live on {day}
can't believe {P} left the show
{P} was robbed. Worst referee ever
Anyone know if {F} is ok?
Emergency contact: {P} (sister), {phone}
My manager {P} approved it on {date}.
Please forward this to {P}, {P} and {P}.
Is this the number for {T} {P}?
No, {F} with an {word}, last name {L}.
First name {F}, last name {L}.
It is spelled {L}.
I'm {F}.
This is {F} speaking.
I am {P}.
{F} said: "{sent}"
"{sent}" said {F}.
"{sent}", {P} told {O}.
If {F} calls, say I'm out.
Both {F} and {T} {L} have signed.
{F} owes me {money}.
I paid {P} {money} for the {thing}.
Meet {P}, our new {job}.
{F} lives on {A}.
My address is {A}.
We moved to {A} in {month}.
The office is at {A}.
Send the invoice to {O}, {A}.
Is {C} nicer than {C} in {month}?
I'm flying from {C} to {C} with {F}.
{O} in {C} is hiring a {job}.
I work for {O} as a {job}.
Has anyone at {O} tried {tech}?
My doctor at {O} is {T} {L}.
I bank with {O}.
"""

WORK = """\
{P} joined {O} as {job} in {month}.
Attendees: {P}, {P}, {P}, {F}
Present: {P} ({O}), {P} ({O})\\nApologies: {P}
Action items:\\n- {F}: send the {thing}\\n- {F}: book the room\\n- {P}: {word} report
1. {P}\\n2. {P}\\n3. {P}
- {P}, {job}\\n- {P}, {job}
* {Q}\\n* {Q}\\n* {Q}
{P}\\n{P}\\n{P}\\n{P}
Name: {P}\\nDate of birth: {date}\\nAddress: {A}
Full name: {P}
Patient: {Q}\\nMRN: {id}\\nDOB: {date}
Name of applicant  {P}
Employee {P} (no. {id}) has {num} days of leave left.
Beneficiary: {P}, IBAN {id}
Invoice to {P}, {A}, for {money}
The tenant, {P}, shall pay {money} to the landlord, {P}.
This agreement is made between {O} ("Supplier") and {P} ("Customer").
In the matter of {L} v. {L}, the court heard {T} {P}.
The witness, {P}, of {A}, states as follows.
I, {P}, hereby declare that the above is true.
Signed: {P}
Witnessed by {P} on {date}.
The deceased, {P}, aged {num}, was found at {A}.
{T} {L} was prescribed {num} mg of the drug twice daily.
Pt {L}, {num} y/o, seen by {T} {L} for follow up.
History: {T} {P} is a {num}-year-old {job} from {C} who presents with cough.
Referred by {T} {P}, {O}.
Reviewed-by: {P} <{mail}>
Signed-off-by: {P} <{mail}>
Author: {P} <{mail}>
Co-authored-by: {P} <{mail}>
Copyright (c) {year} {P}
commit by {P}: fix the {thing}
{id} ({P} {date} {num}) return total
Assignee: {P}\\nReporter: {P}\\nPriority: high
PR #{num} opened by {F} needs a review from {F}.
name,email,city\\n{P},{mail},{C}\\n{P},{mail},{C}
id;name;phone\\n{num};{Q};{phone}\\n{num};{Q};{phone}
{num},{F},{L},{mail},{C}
{num}\\t{F}\\t{L}\\t{phone}
| Name | Role |\\n|---|---|\\n| {P} | {job} |\\n| {P} | {job} |
| {P} | {mail} | {C} |
{"name": "{P}", "email": "{mail}", "city": "{C}"}
{"first_name": "{F}", "last_name": "{L}", "age": {num}}
{"customer": {"fullName": "{P}", "address": "{A}"}, "total": {num}}
{"role": "user", "content": "My name is {P} and I live in {C}."}
name: {P}\\nemail: {mail}\\nactive: true
<name>{P}</name><city>{C}</city>
<contact first="{F}" last="{L}" id="{id}"/>
INSERT INTO customers (id, name, city) VALUES ({num}, '{P}', '{C}');
UPDATE users SET name = '{P}' WHERE id = {num};
SELECT * FROM orders WHERE customer = '{P}';
customer_name={P}&total={num}
2024-0{digit}-1{digit}T10:0{digit}:00Z INFO user login ok name="{P}" ip=10.0.0.{num}
INFO  payment by {P} accepted ({money})
patient = "{P}"  # from the intake form
greet("{P}")
BEGIN:VCARD\\nFN:{P}\\nORG:{O}\\nEND:VCARD
ORG: {O} / CONTACT: {P} / TEL: {phone}
Invoice No {id}\\nBill to\\n{P}\\n{A}\\nTotal {money}
{P}\\n{A}\\n{phone} | {mail}\\n\\nEXPERIENCE\\n{job}, {O}, {C}
Curriculum vitae of {P}\\nBorn {date} in {C}, {N}
References\\n{P}, {job} at {O}, {mail}
{T} {P}\\n{job}\\n{O}\\n{A}
{P} ({year}-{year}) was a {job} from {C}.
{P} was born in {C}, {N}, in {year} and studied at {O}.
{P} and {P} founded {O} in {year}.
{L}, who grew up in {C}, is the son of {P} and {P}.
In {year} {L} moved to {N}, where he worked for {O}.
{L} said on {day} that talks in {C} would go on.
{T} {L} told reporters in {C} that {N} would not sign.
{C} ({O}) - {T} {P} resigned on {day} after a vote.
{P}, the {job} of {O}, denied the claims.
Police in {C} arrested {P}, {num}, on {day}.
{P} beat {P} in {num} sets in {C}.
{L} scored twice as {O} won {num}-{digit}.
Goals: {L} {num}, {L} {num}
The novel by {P} is set in {C}.
Directed by {P}, with {P} and {P}
{L}, {F} ({year}). A study of {word}. Journal of {word}, {num}.
{L} & {L} ({year}) show that {sent}
see {L} et al., {year}
{P}, {P}, and {P}. "On {word} and {word}." {year}.
As {L} notes, {sent}
{L}'s view was shared by {P} of {O}.
The {L} family has lived in {C} since {year}.
The {job}, {P}, thanked {T} {L} and {F}.
According to {P}, {sent}
{T} {P} of {O} agreed with {T} {L}.
{P} of {C} won the prize.
Board: {P} (chair), {P}, {T} {P}
Payroll {month}: {P} {money}; {P} {money}; {P} {money}
Ranking: 1 {L} 2 {L} 3 {L}
Seat 4A {L}/{F}
Passenger: {L}/{F} MR\\nFrom {C} to {C}
Guest list\\n{P} +1\\n{F} {L}\\n{P} and {F}
Duty roster: Mon {F}, Tue {F}, Wed {F}, Thu {F}
Class 3B: {F} {L}, {F} {L}, {F} {L}, {F} {L}
To whom it may concern: {P} worked with us from {year} to {year}.
{O} announced that {P} will succeed {P} as {job}.
Shares of {O} rose after {N} cut taxes.
Floods hit {C} and {C} in southern {N}.
The {O} office in {C} closes on {day}.
Contact {O} at {A} or write to {mail}.
Venue: {A}
Pick-up at {A} at {time}, drop-off at {A}.
Registered office: {A}. Director: {P}.
Trains from {C} to {C} run hourly.
{O} and {O} agreed to merge.
"""

ASK = """\
Write a cover letter for {P}, who is applying to {O}.
Write a poem about {F}, who loves {thing}.
Draft a short reply to {P} saying we accept.
Summarise: {P} met {P} in {C} to discuss {word}.
Translate to French: My friend {F} lives in {C}.
Make this more polite: {F}, send me the {thing} now.
Correct the grammar: me and {F} goes to {C} yesterday
Extract the names from this text: {sent} {P} and {F} agreed.
What is a good present for my friend {F} who likes {word}?
Explain to {F}, aged {num}, how {tech} works.
Create a bio for {P}, {job} at {O}.
Give me feedback on this e-mail to {T} {L}: {sent}
Who was {P} and why is {L} famous in {N}?
Plan a trip to {C} for {F} and me.
You are {F}, a friendly assistant of {O}.
The user is called {P}. Address them as {T} {L}.
Context: {P} is a customer since {year}. {sent}
Question: where does {P} work? Context: {P} works for {O}.
Rewrite this in the third person: I am {P} from {C}.
Fill in the form with my data: {P}, {date}, {A}, {phone}
Please write to {F} {L} and tell her {sent}
Add {P} to my contacts, number {phone}
Remind me to call {F} at {time}
Set up a meeting with {P} and {F} on {day}
Compare {P} and {P} as writers.
Write an obituary for {P}, who died on {date} in {C}.
Make a table of these people: {P}, {P}, {P}
Is {F} a common name in {N}?
In one sentence, what did {L} do at {O}?
Write a recommendation letter for my student {P}.
{F} has {num} apples and gives {num} to {F}. How many are left?
{sent} {P} {sent}
{sent} {F} knows. {sent}
{sent} Ask {T} {L}. {sent}
{sent} It was signed by {P}, {job}. {sent}
{sent} ({P}, {date})
"""

ABROAD = """\
Me llamo {P} y vivo en {C}.
Hola {F}, ¿cómo estás?
El señor {L} no puede venir el {day}.
Estimada {P}:
La doctora {L} trabaja en {O}.
Atentamente,\\n{P}
El paciente {P}, de {num} años, vive en {A}.
Je m'appelle {P} et j'habite à {C}.
Bonjour {F}, merci pour ton message.
Madame {L} habite {A}.
Cordialement,\\n{P}
Le dossier de {P} a été transmis à {O}.
Monsieur {P}, né le {date} à {C}
Ich heiße {P} und wohne in {C}.
Sehr geehrter Herr {L},
Liebe {F}, vielen Dank für das Paket.
Mit freundlichen Grüßen\\n{P}
Frau {P} arbeitet seit {year} bei {O}.
Der Kunde {P}, {A}, hat gekündigt.
Mi chiamo {P} e abito a {C}.
Gentile {P}, la ringrazio per la risposta.
Il signor {L} lavora per {O}.
Distinti saluti\\n{P}
Meu nome é {P} e moro em {C}.
Olá {F}, tudo bem?
O cliente {P} mora na {A}.
Atenciosamente,\\n{P}
Ik ben {P} en ik woon in {C}.
Beste {F}, bedankt voor je bericht.
Met vriendelijke groet,\\n{P}
Mevrouw {L} werkt bij {O}.
Jag heter {P} och bor i {C}.
Hej {F}! Kan du ringa {P}?
Mit navn er {P}, jeg bor i {C}.
Nazywam się {P} i mieszkam w {C}.
Pani {L} pracuje w {O}.
Jmenuji se {P} a bydlím v {C}.
Benim adım {P}, {C} şehrinde yaşıyorum.
Sayın {P},
Nama saya {P}, saya tinggal di {C}.
Pak {F} bekerja di {O}.
Numele meu este {P}.
A nevem {P}, {C} városban lakom.
Ang pangalan ko ay {P}.
Меня зовут {P}.
Уважаемый {P}!
Мене звати {P}.
Με λένε {P}.
اسمي {P}
मेरा नाम {P} है
私は{P}です。
{P}さん、こんにちは。
我叫{P}，住在{C}。
{P}先生您好
저는 {P}입니다.
Jina langu ni {P}, ninaishi {C}.
Tên tôi là {P}.
Olen {P} ja asun paikassa {C}.
Oma nimeni on {P}.
Es tracta de {P}, de {C}.
"""
