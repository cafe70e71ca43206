"""What people ask about all day, without a word about a person: templates written by hand, filled from a seed."""

from __future__ import annotations

import re

from tests.bench.ordinary.draw import Draw

TEMPLATES = tuple(
    line.replace("\\n", "\n")
    for line in r"""
Draft a short mail to the team: the meeting on {day} moves from {hour} to {hour}, room {n3}, same agenda.
Write a polite reminder that invoice {ref} over {money} is {n2} days late.
Dear all,\nplease find the minutes of {day} attached. We agreed on {n1} points and {n2} actions. The next meeting is on {day} at {hour}.\nKind regards
Write a thank-you note to the neighbours who watered the plants for {n1} weeks.
Subject: Order {order}\nHello, my order {order} from {day} has not arrived. The tracking page says "in transit" since {day}. Could you check?
Please write a complaint about train {train} on {day}: {n3} minutes late, connection missed, ticket {order}.
Rewrite politely: your parcel {order} is still at the depot, pick it up by {day} or it goes back.
Cancel my subscription by mail: customer number {n8}, notice period {n1} months, as of {day}.
Translate to German: The flight leaves at {hour} from gate {gate}, boarding starts {n2} minutes earlier.
A recipe for {n1} people: {n3} g flour, {n2} g sugar, {n1} eggs, {n3} ml milk, bake at {oven} °C for {n2} minutes. Can I halve it?
How many cups are {n3} g of rice, and how much water do I need?
Scale this to {n2} servings: 1 1/2 cups stock, 3/4 tsp salt, 2-3 cloves of garlic, 400-450 g beans.
My sourdough: {n3} g starter, {n3} g water, {n3} g flour, 2 % salt. What is the hydration?
Convert {oven} °C to Fahrenheit and {n2} oz to grams.
Plan {n1} days in Lisbon in {month} for about {money} per person, with one day at the beach.
What is the train from Vienna to Ljubljana at {hour} like, and is {money} a fair price?
Flight {flight} on {day}, {hour} to {hour}, with a layover of {n1} h {n2} min: is that enough in Frankfurt?
Is a seat {n2}A on a 737-800 over the wing? And {n2}F on an A320-214?
Packing list for {n2} days at {t} to {t} °C with {n2} kg of luggage
Driving {n3} km at {n2}.{n1} l/100 km and {price} per litre, what does it cost for {n1} people?
A hotel at {money} a night for {n1} nights plus {n1}% city tax: what is the total?
Compare: a flat of {n2} m2 for {money} cold and one of {n2} m2 for {money} warm.
If I put {money} into a fund every month at {n1}.{n1} % for {n2} years, what do I have in the end?
Loan of {big} at {n1}.{n2} % over {n2} years: the monthly rate?
Quarterly figures: revenue {big} ({n1}.{n1} % up), costs {big}, margin {n2}.{n1} %. Write two sentences for the board.
The index closed at {n2},{n3}.{n2}, down {n3}.{n2} points or {n1}.{n2} %. Explain it to a beginner.
EUR/USD is at 1.0{n3}, GBP/USD at 1.2{n3}: what do {big} pounds cost in euros?
Split {money} among {n1} people, two of whom pay {n2} % more.
What is {n2} % of {big}, rounded to the next 50?
My budget: rent {money}, food {money}, travel {money}, rest {money}. What share is each?
Tax on {big} with brackets 0-11,000: 0 %, 11,001-34,000: 20 %, above: 42 %?
The match ended {n1}:{n1} ({n1}:{n1}), after penalties {n1}-{n1}. Write a headline.
Scores: 6-4, 3-6, 7-6 (7-5), 6-{n1}. How many games were played in total?
She ran 10 km in {n2}:{n2}, 5 km in {n2}:{n2} and the marathon in 3:{n2}:{n2}. Is that consistent?
Season table: {n2} wins, {n2} draws, {n1} losses, goals {n2}:{n2}, points {n2}. Can they still come second?
World record progression: 9.79, 9.77, 9.74, 9.72, 9.69, 9.58 - plot it as text.
Training plan: 3x12 at {n2} kg, 4x8 at {n2} kg, rest {n2} s, {n1} days a week.
Darts: 180, 140, 121 left {n3}; what is the shortest finish?
Chess: 1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7 - name of the opening?
Is ISBN {isbn} a hardcover? The shop lists {isbn10} too.
Find a book like the one with ISBN {isbn}, but shorter than {n3} pages.
EAN {ean} scans as the wrong product
Serial number {serial}, model {model}, bought on {day}: is it still under warranty ({n1} years)?
Replacement for part {part} or {part}, thread M{n1}x{n2}
Our lift has plate {n8}-{n2}; which norm is EN 81-20:2020?
Measure: {n3} x {n3} x {n2} mm, {n1}.{n2} kg. Does it fit in a parcel of size M?
A room of {n1}.{n2} m by {n1}.{n2} m: how many tiles of {n2} x {n2} cm, with {n1} % waste?
How many litres does a tank of {n3} x {n2} x {n2} cm hold?
{n2}" in cm, {n1}'{n1}" in m, {n3} lb in kg
Paint: {n2} m2, two coats, {n1} m2 per litre, cans of 2.5 l at {price}
Blood pressure {n3}/{n2}, pulse {n2}: what do these words mean in general?
Vitamin D 1000 IU or 20 µg: same thing?
A fever of 38.{n1} °C for {n1} days - when do people usually see a doctor?
What happened in {year}, and how is it linked to {year}?
Roman numerals: {year} and {n3}?
Who reigned from {year} to {year} in this timeline: 1509-1547, 1547-1553, 1553-1558, 1558-1603?
Constitution of 1787, article 2, section 1: in plain words please
Explain paragraph {n3} section {n1} sentence 2 of the building code in plain words.
Law: directive 2016/679, article {n2}(1)(f) - a summary for a poster
Quiz: {n2} questions about geography with 4 answers each, from easy to hard
The bus {n3} leaves at {hour}, {hour}, {hour} and {hour}; the walk takes {n2} minutes. When do I go to be there by {hour}?
Countdown: how many days from {day} to {day}?
What time is {hour} in Tokyo when it is {hour} in Lima?
Calendar week {n2} of {year}: from when to when?
My meter read {n5} on {day} and {n5} on {day}. Consumption per day?
Electricity: {n4} kWh at {n2}.{n2} ct plus {money} base price a year
Gas bill {ref}: {n4} m3 times 10.{n3} times 0.9{n3}, what is that in kWh?
Rain: {n1} mm, {n2} mm, 0, 0, {n2} mm, {n1} mm, {n1} mm. Average and median?
Write a haiku about the number {n3}.
A limerick about a baker who sold {n3} rolls before {hour}
Story starter: "Room {n3} had been locked since {year}."
Ten names for a sailing boat of {n2} feet
Write a birthday poem for somebody who turns {n2}, four lines
Describe a painting: {n3} x {n3} cm, oil, {year}, mostly blue
Explain to a child why 1,000,000 seconds are about 11.5 days and 1,000,000,000 are 31.7 years.
Sudoku row: 5 3 _ _ 7 _ _ _ _ / 6 _ _ 1 9 5 _ _ _ / _ 9 8 _ _ _ _ 6 _. Next step?
Lottery: 4 8 15 16 23 42, extra {n2}. What are the odds of six of 49?
Sequence 2, 6, 12, 20, 30, {n2}: which one is wrong?
Average of {n2}, {n3}, {n2}, {n4} and {n3}?
Convert the grades 1.3, 1.7, 2.0, 2.3 and 3.7 with 6, 6, 9, 5 and 12 credits to an average.
Vote: {n4} yes, {n4} no, {n3} abstained of {n5}. Quorum of 50 % reached?
Survey of {n4}: {n2} % agree, {n2} % disagree; margin of error at 95 %?
Minutes: item {n1}.{n1} moved to {day}; item {n1}.{n2} closed; budget line {n4}-{n3} raised by {money}.
Agenda: 09:00-09:15 welcome, 09:15-10:45 part 1, 10:45-11:00 break, 11:00-12:30 part 2. Add lunch and shift by {n2} minutes.
Summarise chapter {n1}, pages {n3}-{n3}, in {n3} words.
Please shorten to {n3} characters: Our shop is closed from {day} to {day} for stocktaking; orders placed by {hour} still go out.
Sign for the door: back at {hour}, deliveries to no. {n2}, next to the pharmacy.
Invitation: {day}, {hour}, garden of house {n2}, bring a salad. RSVP by {day}.
Menu: soup {price}, salad {price}, fish {price}, cake {price}; round up for {n1} people with 10 % tip
Coffee: {n2} g to {n3} g water at 9{n1} °C, ratio 1:16. Bitter - what to change?
Knitting: cast on {n3} stitches, k2 p2 rib for {n1} cm, then decrease every {n1}th row
Guitar chords in 4/4 at {n3} bpm: C G Am F, capo {n1}, strumming D-DU-UDU
Photo: ISO {n3}00, f/2.8, 1/{n3} s at 85 mm - shaky, why?
Telescope: {n3}/{n4} mm, eyepieces 25 and 10 mm: magnification?
Seeds: rows {n2} cm apart, {n1} cm deep, {n2}-{n2} days to germinate. Is {month} too late?
Aquarium: {n3} l, pH 7.{n1}, KH {n1}, GH {n2}, nitrate {n2} mg/l. Fine for shrimp?
Bike: tyres 28-622 or 37-622, {n2} psi, chain 11-speed, cassette 11-34: upgrade?
Car: 205/55 R16 91V or 225/45 R17 94W; load {n3} kg; pressure 2.{n1} bar
House number {n3}, floor {n1}, door {n2}: how do I write the address of a company in France?
The password for the guest wifi is on the board; write a friendly note that says where to find it.
How do I choose a good passphrase of {n1} words that I can remember?
My phone is at {n2} % battery and {n2} GB of 128 GB free; which photos should go first?
Which card games work with {n1} players and a deck of 52?
The hotline is open from {hour} to {hour}; I waited {n2} minutes. Write two lines of feedback.
Office supplies: {n3} pens, {n2} folders, {n1} boxes of paper 80 g/m2, article {n6}. Write an order.
Write a wedding toast without names, {n3} words, with a joke about being {n2} minutes late.
Compare tariffs: {n2} GB for {price}, {n2} GB for {price}, unlimited for {price} a month, 24 months.
Poll result as a sentence: {n2}.{n1} %, {n2}.{n1} %, {n1}.{n1} %, others {n1}.{n1} %.
Crossword: river in Asia, 5 letters, _ N D _ S
What is the plural of "octopus", and why do {n2} % of people say octopi?
Population: {n3},{n3} in {year}, {n3},{n3} in {year}; growth per year?
Coordinates of the summit: 45.83{n2}, 6.86{n2}, height 4,8{n2} m. Which mountain?
Ship: IMO {n7}, {n3} m long, {n2} knots, built {year}. How long from Porto to Bergen?
Museum inventory: item {year}.{n2}.{n1}, lot {n3}, drawer {n2}-{n1}: make a label.
Library: shelf mark 823.{n3} DIC, QA76.{n2} .K5 {year}: which floor?
""".strip().splitlines()
)


def filled(template: str, d: Draw) -> str:
    """A template with its gaps filled."""
    return re.sub(r"\{(\w+)\}", lambda gap: _gap(gap[1], d), template)


def _gap(name: str, d: Draw) -> str:
    if name[0] == "n" and name[1:].isdigit():
        return d.digits(int(name[1:]))
    makers = {
        "day": lambda: d.one(f"{d.number(1, 28)} {_gap('month', d)}", f"{d.number(1, 28)}.{d.number(1, 12)}.20{d.number(20, 27)}", d.date(), f"{d.number(1, 12)}/{d.number(1, 28)}", "next Tuesday"),
        "hour": lambda: d.one(f"{d.number(0, 23)}:{d.number(10, 59)}", f"{d.number(1, 12)} pm", f"{d.number(8, 20)}.{d.number(10, 59)}"),
        "month": lambda: d.one("March", "May", "July", "October", "December"),
        "year": lambda: str(d.number(1066, 2030)),
        "money": lambda: d.one(f"{d.number(10, 999)}.{d.number(10, 99)} euros", f"${d.number(1, 99)},{d.number(100, 999)}", f"£{d.number(10, 9999)}", f"{d.number(1, 9)}.{d.number(100, 999)},{d.number(10, 99)} €"),
        "big": lambda: d.one(f"{d.number(1, 999)},{d.number(100, 999)}", f"{d.number(1, 99)} million", f"{d.number(1, 99)},{d.number(100, 999)},{d.number(100, 999)}.{d.number(10, 99)}", d.digits(6)),
        "price": lambda: f"{d.number(1, 49)}.{d.number(10, 99)}",
        "order": lambda: d.one(f"{d.digits(3)}-{d.digits(7)}-{d.digits(7)}", f"#{d.digits(8)}", f"WEB-{d.digits(6)}", d.digits(10), f"20{d.number(22, 26)}{d.digits(9)}"),
        "ref": lambda: d.one(f"INV-20{d.number(20, 26)}-{d.digits(5)}", f"RE{d.digits(7)}", f"{d.digits(4)}/{d.number(20, 26)}"),
        "train": lambda: d.one(f"ICE {d.digits(3)}", f"RJX {d.digits(2)}", f"TGV {d.digits(4)}"),
        "gate": lambda: f"{d.one('A', 'B', 'Z')}{d.number(1, 69)}",
        "flight": lambda: f"{d.one('LH', 'BA', 'TP')} {d.digits(d.number(3, 4))}",
        "oven": lambda: str(d.number(14, 25) * 10),
        "t": lambda: str(d.number(-12, 33)),
        "isbn": lambda: _isbn(d),
        "isbn10": lambda: f"{d.number(0, 3)}-{d.digits(3)}-{d.digits(5)}-{d.one('X', '4')}",
        "ean": lambda: d.one("40", "54", "50") + d.digits(11),
        "serial": lambda: d.one(f"SN{d.digits(10)}", f"{d.hex(4).upper()}-{d.digits(4)}-{d.hex(4).upper()}", f"C02{d.hex(5).upper()}{d.digits(4)}"),
        "model": lambda: d.one(f"WM{d.digits(4)}X", f"TX-{d.digits(2)}E{d.digits(3)}", f"KD{d.digits(2)}XF{d.digits(4)}"),
        "part": lambda: d.one(f"{d.digits(2)}.{d.digits(4)}.{d.digits(3)}", f"{d.digits(6)}-{d.digits(2)}", f"{d.digits(3)} {d.digits(3)} {d.digits(2)}"),
    }  # fmt: skip
    return makers[name]()


def _isbn(d: Draw) -> str:
    digits = f"978{d.number(0, 9)}{d.digits(8)}"
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
    whole = f"{digits}{check}"
    return d.one(whole, f"978-{whole[3]}-{whole[4:7]}-{whole[7:12]}-{whole[12]}")
