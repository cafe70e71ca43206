"""Words and sentences that look like names and are none, for the tagger to learn to leave alone.

{W} is filled with one of LOOKALIKES; the other slots in small letters as in names_templates.
"""

from __future__ import annotations

LOOKALIKES = (
    """\
Kubernetes|Jenkins|Django|Jupyter|Ada|Julia|Ruby|Java|Pascal|Mercury|Apollo|Athena|Python|Rust|Go|Swift|Kotlin|Scala
Perl|Haskell|Elixir|Erlang|Clojure|Lua|Dart|Crystal|Nim|Zig|Fortran|Cobol|Lisp|Scheme|Prolog|TypeScript|JavaScript|PHP
React|Vue|Angular|Svelte|Node|Express|Flask|FastAPI|Rails|Laravel|Spring|Hibernate|Maven|Gradle|Ant|Docker|Helm|Istio
Ansible|Puppet|Chef|Vagrant|Terraform|Consul|Vault|Nomad|Travis|Hudson|Bamboo|Jira|Confluence|Trello|Asana|Slack|Zoom|Teams
Postgres|MySQL|Mongo|Redis|Cassandra|Kafka|Spark|Hadoop|Hive|Pig|Flink|Beam|Airflow|Luigi|Dagster|Prefect|Snowflake|Athena
Pandas|NumPy|SciPy|Keras|Torch|TensorFlow|Bert|Elmo|Claude|Siri|Alexa|Cortana|Bixby|Watson|Gemini|Llama|Mistral|Falcon
Grafana|Prometheus|Jaeger|Zipkin|Sentry|Kibana|Logstash|Elastic|Lucene|Solr|Nginx|Apache|Tomcat|Jetty|Caddy|Traefik|Envoy
Linux|Ubuntu|Debian|Fedora|Arch|Mint|Windows|Android|Darwin|Sierra|Monterey|Ventura|Catalina|Jessie|Buster|Bionic|Focal
Babel|Webpack|Rollup|Vite|Jest|Mocha|Chai|Jasmine|Karma|Cypress|Selenium|Playwright|Puppeteer|Cucumber|Robot|Pytest|JUnit
Git|GitHub|GitLab|Mercurial|Gerrit|Bazel|Ninja|Meson|Conan|Poetry|Celery|Sphinx|Black|Ruff|Pylint|Homer|Delta|Sigma|Omega
Photoshop|Excel|Word|Outlook|Access|Notion|Figma|Sketch|Blender|Maya|Unity|Unreal|Godot|Minecraft|Fortnite|Tetris|Zelda
Corolla|Civic|Fiesta|Focus|Golf|Polo|Mustang|Beetle|Clio|Megane|Astra|Corsa|Panda|Tesla Model 3|Galaxy S21|iPhone|Pixel|Kindle
Nutella|Oreo|Fanta|Sprite|Twix|Mars|Snickers|Pringles|Heineken|Guinness|Martini|Margarita|Caesar salad|Earl Grey|Dr Pepper
Christmas|Easter|Ramadan|Diwali|Hanukkah|Halloween|Thanksgiving|Lent|Advent|Eid|New Year|Black Friday|Labor Day|Bank Holiday
January|February|March|April|May|June|July|August|September|October|November|December|Monday|Tuesday|Wednesday|Thursday|Friday
English|French|German|Spanish|Italian|Dutch|Polish|Russian|Chinese|Japanese|Korean|Arabic|Hindi|Turkish|Greek|Latin|Hebrew
Earth|Venus|Jupiter|Saturn|Neptune|Uranus|Pluto|Orion|Andromeda|Milky Way|Everest|Atlantic|Pacific|Bible|Quran|Torah|Islam
Christian|Jewish|Muslim|Hindu|Buddhist|Catholic|Victorian|Renaissance|Gothic|Baroque|Roman|Celtic|Viking|European|African
Monopoly|Scrabble|Chess|Poker|Uno|Jenga|Catan|Sudoku|Bluetooth|Wi-Fi|USB|HDMI|Ethernet|JSON|XML|YAML|CSV|HTML|CSS|SQL|HTTP
API|REST|GraphQL|gRPC|OAuth|JWT|TLS|SSH|DNS|TCP|UDP|VPN|CPU|GPU|RAM|SSD|AWS|S3|EC2|EKS|ECS|C4|GCP|Azure|Lambda|Fargate
Aurora|Dynamo|Bigtable|Spanner|Firebase|Heroku|Vercel|Netlify|Stripe API|Twilio|Okta|Auth0|Zendesk|Salesforce|HubSpot
Mean|Median|Total|Subject|Summary|Overview|Introduction|Conclusion|Appendix|Chapter|Section|Table|Figure|Abstract|Background
CEO|CTO|CFO|HR|Sales|Marketing|Finance|Legal|Support|Customer|Manager|Director|Engineer|Nurse|Doctor|Teacher|Mom|Dad|Mum
Sir|Madam|Team|All|Everyone|Folks|Friend|Colleagues|Dude|Bro|Guys|Ladies|Gentlemen|Neighbour|Grandma|Honey|Baby|God|Lord
Base64|SHA256|MD5|UUID|UTF-8|ASCII|Unicode|Regex|Lambda Calculus|Turing machine|Markov chain|Monte Carlo|Las Vegas algorithm
None|True|False|Null|NaN|Exception|ValueError|TypeError|KeyError|NullPointerException|Traceback|Warning|Error|Debug|Info
Cancer|Alzheimer's disease|Parkinson's|Down syndrome|Crohn's disease|Hodgkin lymphoma|Achilles tendon|Petri dish|Celsius
Fahrenheit|Kelvin|Newton|Pascal|Joule|Watt|Volt|Ampere|Ohm|Hertz|Tesla|Curie|Richter scale|Beaufort scale|Geiger counter
Harry Potter book|Star Wars|Titanic|Hamlet|Frozen|Inception|Matrix|Friends|Breaking Bad|Game of Thrones|Macbeth|Frankenstein
Bitcoin|Ethereum|Cardano|Solana|Dogecoin|Nasdaq|Dow Jones|Dax|Euro|Dollar|Pound|Yen|Rupee|Franc|Peso|Krona|Lira|Rand
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

EPONYMS = (
    """\
Fibonacci numbers|the nth Catalan number|a Bell number|Lucas numbers|Woodall number|Carol number|Smith number|Perrin sequence
Jacobsthal number|Pell numbers|Mersenne prime|Fermat's little theorem|Euler's totient|Euler's method|Newton's method|Gaussian elimination
Gauss sum|Bayes' theorem|naive Bayes|Bernoulli trial|Poisson distribution|Laplace transform|Fourier series|Taylor expansion
Maclaurin series|Riemann sum|Hilbert space|Banach fixed point|Cantor set|Venn diagram|Boolean algebra|De Morgan's laws
Dijkstra's algorithm|Bellman-Ford|Floyd-Warshall|Kruskal's algorithm|Prim's algorithm|Kadane's algorithm|Knuth-Morris-Pratt
Boyer-Moore|Rabin-Karp|Levenshtein distance|Hamming weight|Jaccard index|Huffman coding|Lempel-Ziv|Fisher-Yates shuffle
Josephus problem|Tower of Hanoi|Pascal's triangle|sieve of Eratosthenes|Euclidean distance|Manhattan distance|Minkowski sum
Pearson correlation|Spearman rank|Student's t-test|Kolmogorov-Smirnov test|Shapiro-Wilk|Mann-Whitney U|Wilcoxon test|Gini coefficient
Shannon entropy|Kullback-Leibler divergence|Adam optimizer|Xavier initialization|Nash equilibrium|Pareto front|Moore's law
Murphy's law|Occam's razor|Conway's Game of Life|Mandelbrot set|Sierpinski triangle|Voronoi diagram|Delaunay triangulation
Bezier curve|Cartesian product|Peano axioms|Zeckendorf's theorem|Collatz conjecture|Goldbach conjecture|Armstrong number|Harshad number
Kaprekar constant|Heron's formula|Pythagorean theorem|Simpson's rule|Horner's method|Lagrange interpolation|Chebyshev polynomial
Hessian matrix|Jacobian|Cholesky decomposition|Kalman filter|Wiener process|Brownian motion|Black-Scholes|Sharpe ratio|Luhn algorithm
Caesar cipher|Vigenere cipher|Diffie-Hellman|Merkle tree|Bloom filter|Bresenham's line|Sobel filter|Canny edge detection|Otsu's threshold
Ohm's law|Kirchhoff's laws|Avogadro's number|Planck constant|Doppler effect|Maxwell's equations|Schrödinger equation|Heisenberg principle
Keynesian economics|Marxism|Darwinism|Freudian slip|Socratic method|Platonic love|Machiavellian|Orwellian|Kafkaesque|Victorian era
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

LOOK = """\
{W} is down again.
I love {W}.
Does {W} work with {W}?
How do I install {W} on {W}?
Ask {W} about it.
Thanks to {W}, the build passed.
According to the {W} docs, {sent}
{W} and {W} are both slow.
I prefer {W} over {W}, to be honest.
We moved from {W} to {W} in {month}.
My {W} crashed twice on {day}.
{W} says the port is in use.
{W}'s new release breaks the {thing}.
Learn {W} in {num} days
{W}: a short introduction
{W} {num}.{digit} released
Hello {W}
Hi {W},
Dear {W},
Dear Sir or Madam,
Dear Hiring Manager,
Dear Customer Service,
To all staff:
Hi there,
Hey everyone!
Good morning all,
Hello World
Kind regards,
Best wishes from the whole team
Thanks in advance!
Sent from my iPhone
On {day} we have {W} class.
See you in {month} or {month}.
May I ask you something?
Will it rain on {day}? Mark my words.
Bill the customer on {date}.
Grant access to {user} please.
Frank opinions are welcome.
Hope this helps!
Rich text is not supported.
Will do. Chase the {thing} and sue nobody.
Jack up the car before you change the tyre.
Rob a bank, pat a dog, nick a {thing}: english verbs are odd.
Drew a card and lost {money}.
The {W} library has {num} open issues.
Write a function to find {E}.
Implement {E} in {W}.
Explain {E} with an example.
What is {E} used for?
Write a python function to check whether the given number is {E} or not.
Prove that {E} converges.
Use {E} to solve the following problem.
Given an array of {num} integers, return {E}.
The {thing} uses {E} under the hood.
{E} vs {E}
Homework: {E}, {E} and {E}
{W}, {W}, {W} and {W}
- {W}\\n- {W}\\n- {W}
| {W} | {W} |\\n|---|---|\\n| {num} | {num} |
{W},{W},{W}\\n{num},{num},{num}
# {W} Setup\\n\\n1. Install {W}\\n2. Run {W}
## Getting Started with {W}
{title}
# {title}
{title}: {title}
{upper}
{upper} {upper}
** {upper} **
User: {sent}\\nAssistant: {sent}
System: You are a helpful assistant.\\nUser: {sent}
Q: {sent}\\nA: {sent}
Customer: {sent}\\nAgent: {sent}
Doctor: {sent}\\nPatient: {sent}
Me: {sent}
Note: {sent}
Re: {title}
Subject: {title}
Fwd: {W} {title}
{sent} {sent}
{sent} {sent} {sent}
{sent}
The {job} asked the {job} for a {thing}.
Our {job} will contact you by {date}.
Name: \\nAddress: \\nPhone:
First Name | Last Name | Email
Please enter your full name and address.
User Name: {user}
username: {user}
login {user} failed from 10.{num}.{num}.{num}
The user {user} was added to group {word}.
user_id={num} session={id} status=active
{"id": {num}, "user": "{user}", "status": "active", "name": "{word}"}
{"firstName": null, "lastName": null, "email": "{mail}"}
{"type": "object", "properties": {"name": {"type": "string"}, "city": {"type": "string"}}, "required": ["name"]}
{"name": "get_weather", "description": "{sent}", "parameters": {"type": "object"}}
{"model": "{word}-{num}", "temperature": 0.{digit}, "messages": []}
{"Region": "{word}", "Bucket": "{word}-{num}", "Key": "{user}"}
name: {word}-service\\nversion: {num}.{digit}\\nimage: {word}:{num}
apiVersion: v1\\nkind: Service\\nmetadata:\\n  name: {word}
def {user}({word}, {word2}):\\n    return {word}.{word2}()
class {Camel}({Camel2}):\\n    \\"\\"\\"{sent}\\"\\"\\"
import {word}\\nfrom {word} import {Camel}
{Camel} {word} = new {Camel}({num});
public static void {word}({Camel} {word2}) {
self.assertEqual({Camel}().{word}, {num})
const {word} = await {Camel2}.{word2}({num})
raise {Camel}Error("{sent}")
if __name__ == "__main__":\\n    main()
Traceback (most recent call last):\\n  File "/app/{word}/{user}.py", line {num}, in {word2}\\n{Camel}Error: {sent}
at com.{word}.{word2}.{Camel}.{word}({Camel}.java:{num})
Exception in thread "main" java.lang.{Camel}Exception: {sent}
error[E0{num}]: cannot find type `{Camel}` in this scope
{date} {time} INFO {Camel}Service - {sent}
{date} {time} ERROR [{word}-{num}] {Camel}: {sent}
[{W}] {sent}
npm WARN deprecated {word}@{num}.{digit}.0: {sent}
$ docker run -it {word}/{word2}:{num}
$ git checkout -b feature/{word}-{word2}
kubectl get pods -n {word}
SELECT {word}, {word2} FROM {user} WHERE id = {num};
CREATE TABLE {word} (id INTEGER, name TEXT, city TEXT);
GET /api/v{digit}/{word}/{num} HTTP/1.1\\nHost: {word}.example.com
https://{word}.example.com/{word2}/{user}?q={num}
Follow @{user} and @{user} for more
#{Camel} #{word} #{Camel2}
RT @{user}: {sent}
@{user} {sent}
/usr/lib/{word}/{Camel}/{word2}.so
C:\\\\Users\\\\{user}\\\\Documents\\\\{Camel}.docx
Mix {num} g of {thing} with {W} and stir.
The capital letter of {W} is {letter}.
Translate "{sent}" into {W}.
Write a haiku about {W}.
List the advantages of {W}.
What are the main differences between {W} and {W}?
How many {thing}s are there in a {thing}?
Summarize the plot of {W} in {num} words.
In {W}, how do I sort a list of tuples?
Give me {num} ideas for a {word} about {word2}.
You are an expert in {W} and {W}.
Act as a {job} and explain {E}.
Write a story about a {job} who finds a {thing}.
Fix this bug in my {W} code: {sent}
The {W} Handbook, {num}nd edition
{W} Conference {year}, Track {letter}: {title}
Type {letter} diabetes and vitamin {letter}{digit}
Option {letter}: {sent}
Team {letter} beat Team {letter}
Price: {money} ({W})
Tel.: {phone}
{phone} or {mail}
{id}
{num} {num} {num} {num}
{date} - {date}
for name in ["Alice", "Bob", "Carol"]:\\n    print(f"Hello {name}")
names = ['Alice', 'Bob', 'Charlie', 'David']
assert greet("World") == "Hello World"
>>> find_{word}("{word2}", {num})
{user}("John")  # -> "Hello, John"
assert {user}(["Alice", "Bob"]) == {num}
person = {"name": "John Doe", "age": 30}
obj = new Person("Jane Doe");
Example: John Doe
Alice sends a message to Bob, and Eve listens: a standard picture in cryptography.
"""

NOUNS = (
    """\
printer|charger|keyboard|invoice|contract|ticket|parcel|laptop|phone|bike|car|sofa|lamp|battery|router|report|budget|slide deck
draft|dashboard|server|database|pipeline|query|password|refund|coupon|subscription|passport|visa|ticket|hotel|garden|kitchen
window|door|roof|boiler|bus|train|plane|boat|book|song|film|game|recipe|cake|soup|salad|coffee|tea|bread|cheese|apple|jacket
shoe|dress|ring|watch|camera|lens|tripod|drum|guitar|piano|violin|class|exam|essay|thesis|grant|survey|prototype|sensor
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

JOBS = (
    """\
software engineer|nurse|teacher|plumber|accountant|project manager|designer|lawyer|analyst|driver|chef|architect|electrician
chief executive|sales director|researcher|professor|surgeon|midwife|mechanic|painter|pilot|journalist|editor|photographer
goalkeeper|striker|mayor|minister|spokeswoman|chairman|Senior Developer|Head of Marketing|Data Scientist|CEO|CTO|CFO|VP Sales
Product Owner|Customer Success Manager|HR Business Partner|Team Lead|Consultant|Vice President|Board Member|Office Manager
""".replace("\n", "|")
    .strip("|")
    .split("|")
)

SENTENCES = (
    """\
the meeting was moved to the afternoon|please find the report attached|it does not start after the update|we need two more days
nobody answered the phone|the price went up again|I have tried everything|that makes no sense to me|this is the third time
the results were better than expected|send it before noon|you can use any browser|the file is empty|there was no one at the door
The weather was awful.|The new version fixes this.|It took three hours.|Payment is due in thirty days.|We look forward to it.
All rights reserved.|See the table below.|This is not legal advice.|Try turning it off and on again.|The train was late.
No such file or directory|connection refused|index out of range|expected string or bytes|invalid literal|permission denied
The function returns a list of integers.|Each row is one order.|Do not share this with anyone.|The door was locked from inside.
Could you help me with this?|What happens if the list is empty?|Why is my code so slow?|Is there a cheaper plan?|How long does it take?
She smiled and left the room.|He did not look back.|They had known each other for years.|Nobody had seen the dog.|It was raining.
Take one tablet after breakfast.|The patient is stable.|Blood pressure was normal.|No fracture was seen.|Symptoms began a week ago.
Add the onions and stir.|Bake for forty minutes.|Serve with rice.|Season to taste.|Let it cool down.
Growth slowed in the second quarter.|Shares fell by two percent.|The vote was postponed.|Critics called it a mistake.|Turnout was low.
Returns the number of characters.|Raises an error when the key is missing.|Set the flag to true.|Close the window and retry.
The boat left the harbour at dawn.|A cat sat on the wall.|The soup was cold.|Two chairs were broken.|Everyone laughed.
i dont get it|ok cool|no idea tbh|so tired today|cant wait for the weekend|this is hilarious|why is everyone so loud|same here
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
