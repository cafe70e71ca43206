"""Made-up people, places, addresses and organisations of many countries, to fill training templates with.

Names come from Faker's lists, from lists here for scripts that need romanising, and from a letter chain that
makes up names which are on no list, so that the tagger learns where names stand and not which names there are.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anyascii import anyascii
from faker import Faker

LATIN = """en_US en_US en_US en_GB en_GB en_IN en_IE en_AU en_CA en_NZ de_DE de_AT fr_FR fr_CA es_ES es_MX es_CO
it_IT pt_BR pt_PT nl_NL nl_BE sv_SE no_NO da_DK fi_FI pl_PL cs_CZ sk_SK hu_HU ro_RO hr_HR sl_SI et_EE lt_LT lv_LV
tr_TR tr_TR id_ID en_NG yo_NG zu_ZA az_AZ uz_UZ sw ga_IE ha_NG ig_NG en_KE es_AR es_CL""".split()
OTHER = "ru_RU uk_UA bg_BG el_GR hy_AM ka_GE he_IL ar_SA ar_AA fa_IR hi_IN ne_NP ta_IN bn_BD th_TH ja_JP ko_KR zh_CN zh_TW".split()
ROMANISED = frozenset("ru_RU uk_UA bg_BG el_GR hy_AM ka_GE ne_NP ta_IN th_TH ja_JP".split())

PARTICLES = "van|van der|van den|de|de la|del|della|di|da|dos|von|von der|zu|le|la|el|al|bin|ibn|ben|ter|ten|st.|mac".split(
    "|"
)
SUFFIXES = ("Jr.", "Sr.", "II", "III", "Jr", "PhD")
TITLES = """Mr.|Mrs.|Ms.|Miss|Dr.|Dr|Prof.|Professor|Mr|Mrs|Ms|Sir|Dame|Rev.|Father|Sister|Captain|Capt.|Sgt.|Sergeant|
Colonel|Judge|Justice|Senator|President|Herr|Frau|Señor|Señora|Sra.|Sr.|Monsieur|Madame|Mme|Dott.|Sig.|Dhr.|Mevr.|Pan|Pani|
Nurse|Officer|Detective|Coach|Chef|Lady|Lord|King|Queen|Prince|Auntie|Uncle|Aunt|Grandma|Cousin|Mx.|Hon.|Inspector|Sheikh|Ustad|Shri|Smt.""".replace(
    "\n", ""
).split("|")
CHINESE = "Wang Li Zhang Liu Chen Yang Zhao Huang Zhou Wu Xu Sun Hu Zhu Gao Lin He Guo Ma Luo Liang Song Zheng Xie Han Tang Feng Yu Dong Xiao Cheng Cao Yuan Deng Fu Shen Zeng Peng Lu Su Jiang Cai Jia Ding Wei Xue Ye Yan Pan Du Dai Xia Zhong Tian Ren Fan Fang Shi Yao Tan Sheng Zou Xiong Jin Hao Kong Bai Cui Kang Mao Qiu Qin Gu Hou Shao Meng Long Wan Duan Lei Qian Tao".split()
CHINESE_GIVEN = "wei fang na min jing li qiang lei jun yang yong jie juan tao ming chao xiu lan xia ping gang gui ying hua yu lin hui bo hao xin yan peng xue ting rui zi han chen mei shan long jian guo zhi qing ru tian yi jia xiao wen bin kai feng".split()
KOREAN = "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Ryu Jeon Hong Ko Moon Yang Son Bae Baek Heo Nam Shim Noh Ha Kwak Sung Cha Joo Woo Koo Na Min".split()
KOREAN_GIVEN = "min seo ji ha yoon soo jin woo hyun young jae sung hye eun kyung dong joon ho seung yeon mi sook hee bin tae ah na ra chan".split()
VIETNAMESE = "Nguyen Tran Le Pham Hoang Huynh Phan Vu Vo Dang Bui Do Ho Ngo Duong Ly Nguyễn Trần Lê Phạm Hoàng Đặng Bùi Đỗ".split()
VIETNAMESE_GIVEN = "Anh Minh Linh Huong Thanh Hoa Lan Mai Phuong Thu Trang Tuan Hung Dung Duc Long Nam Quang Son Hai Binh Ngoc Thao Nhung Tâm Hùng Dũng Thảo".split()
ARABIC = "Ahmed Mohammed Muhammad Ali Hassan Hussein Omar Khalid Youssef Ibrahim Mustafa Abdullah Fatima Aisha Layla Noor Mariam Zainab Salma Yasmin Tariq Karim Samir Rashid Faisal Nasser Bilal Hamza Amina Huda Rania Dina Walid Ziad Sami Jamal Hakim Imran Farah Nadia Leila Rami Bassam Ghassan Iman Salim Adel Majid Anwar".split()
ARABIC_LAST = "Rahman Sayed Masri Haddad Khoury Najjar Mansour Nasser Farouk Aziz Hashimi Zahrani Ghamdi Otaibi Qahtani Shehri Harbi Mutairi Dosari Tamimi Baghdadi Tikriti Saleh Hamdan Sabbagh Khatib Qasim Jabari Darwish Suleiman Barakat Shaheen Halabi Asmar Rifai Maktoum Thani Sabah".split()
BOTH = "Mac Mc O' D' De Le La Fitz Van Del".split()

STREETS = "Street|St|Road|Rd|Avenue|Ave|Lane|Drive|Court|Way|Close|Terrace|Boulevard|Blvd|Place|Crescent|Row|Square|Parkway|Gardens".split(
    "|"
)
FOREIGN_STREETS = "Rue {x}|Rue de {x}|Avenue {x}|{x}straße|{x}str.|{x}weg|{x}gasse|Via {x}|Viale {x}|Piazza {x}|Calle {x}|Avenida {x}|Plaza {x}|Rua {x}|{x}straat|{x}laan|{x}gatan|{x}gade|{x}veien|ul. {x}|ulica {x}|{x} utca|{x} Sokak|Jalan {x}|Bulevar {x}|Av. {x}|Carrer de {x}|{x}plein|{x}vägen|{x}katu".split(
    "|"
)
COMPANY = "Inc.|Inc|LLC|Ltd|Ltd.|GmbH|AG|S.A.|SARL|B.V.|plc|Corp.|Group|Holdings|Partners|& Co.|Oy|AB|SpA|Pty Ltd|K.K.".split(
    "|"
)
TRADES = "Bank|Logistics|Motors|Foods|Energy|Insurance|Pharma|Airlines|Media|Software|Consulting|Systems|Analytics|Steel|Textiles|Capital|Robotics|Telecom|Publishing|Clinic|Dental|Bakery|Brewery|Hotels|Studios|Labs|Shipping|Legal|Properties|Realty|Construction|Plumbing".split(
    "|"
)
BODIES = "University of {c}|{c} University|{c} General Hospital|{c} City Council|{l} Foundation|{l} Institute|Bank of {c}|{c} Police Department|St. {f}'s Hospital|{l} & {m}|{l}, {m} and {o}|{l} & Sons|{l} Memorial Hospital|{c} FC|{c} High School|Museum of {c}|{l} College|Ministry of Health|Department of {t}|{c} Chamber of Commerce|{l} Law Firm|{l} Bros|First National Bank of {c}|{c} Times|{c} Daily News".split(
    "|"
)
KNOWN = "Google Microsoft Apple Amazon IBM Siemens Toyota Nestlé Unilever Sony Samsung Intel Oracle SAP Adobe Netflix Spotify Facebook Twitter Volkswagen Boeing Airbus Philips Vodafone Barclays HSBC Santander Deloitte KPMG PwC UNICEF NATO WHO FBI NASA BBC CNN Reuters UNESCO FedEx DHL Maersk IKEA Walmart Costco Pfizer Novartis Bayer BASF Shell BP Accenture Infosys Tata Alibaba Tencent Huawei Lufthansa Ryanair PayPal Stripe Visa Mastercard Airbnb Uber".split()
COUNTRIES = (
    "France Germany Spain Italy Portugal Poland Norway Sweden Denmark Finland Austria Switzerland Belgium Ireland Greece Turkey Egypt Kenya Nigeria Ghana Ethiopia Morocco Tunisia Algeria Brazil Argentina Chile Peru Mexico Canada Australia India Pakistan Bangladesh Nepal China Japan Korea Vietnam Thailand Malaysia Indonesia Singapore Philippines Russia Ukraine Romania Hungary Bulgaria Serbia Croatia Iran Iraq Israel Jordan Lebanon Syria England Scotland Wales Texas California Florida Ohio Georgia Virginia Bavaria Tuscany Catalonia Ontario Quebec Europe Asia Africa USA UK U.S. UAE EU America".split()
    + [
        "New York",
        "South Africa",
        "New Zealand",
        "United States",
        "United Kingdom",
        "Saudi Arabia",
        "the Netherlands",
        "Sri Lanka",
        "Czech Republic",
        "North Carolina",
        "New South Wales",
        "Latin America",
        "Middle East",
        "Costa Rica",
    ]
)
CITIES = "London Paris Berlin Madrid Rome Lisbon Vienna Prague Warsaw Dublin Amsterdam Brussels Oslo Stockholm Helsinki Copenhagen Athens Istanbul Cairo Nairobi Lagos Accra Johannesburg Mumbai Delhi Bangalore Karachi Dhaka Beijing Shanghai Tokyo Osaka Seoul Bangkok Jakarta Manila Sydney Melbourne Auckland Toronto Montreal Vancouver Chicago Boston Seattle Austin Houston Dallas Denver Miami Atlanta Phoenix Detroit Portland Philadelphia Manchester Leeds Glasgow Edinburgh Bristol Munich Hamburg Cologne Zurich Geneva Milan Naples Turin Lyon Marseille Barcelona Valencia Seville Porto Kyiv Moscow Bucharest Sofia Belgrade Dubai Doha Riyadh Tehran Lima Bogotá Santiago Havana".split()


@dataclass(slots=True)
class Values:
    """Draws values; the same seed gives the same sequence.

    Args:
        seed: of the whole sequence.
        kept: share of name parts that are used; the rest are drawn only when `unseen` is set.
        unseen: whether only parts that training never shows are drawn.
    """

    seed: int
    kept: float = 0.9
    unseen: bool = False
    pick: random.Random = field(init=False)
    _fakers: dict[str, Any] = field(init=False, default_factory=dict)
    _chain: dict[str, list[str]] = field(init=False, default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.pick = random.Random(self.seed)  # noqa: S311  (not a secret)
        for number, locale in enumerate(sorted({*LATIN, *OTHER})):
            self._fakers[locale] = Faker(locale, use_weighting=False)
            self._fakers[locale].seed_instance(self.seed * 1000 + number)
        for locale in sorted(self._fakers):
            for _ in range(60):
                for part in (self._fakers[locale].first_name(), self._fakers[locale].last_name()):
                    self._learn(anyascii(str(part)).lower())

    def _learn(self, name: str) -> None:
        if name.isalpha() and 3 <= len(name) <= 12:
            padded = f"^^{name}$"
            for at in range(len(padded) - 2):
                self._chain[padded[at : at + 2]].append(padded[at + 2])

    def made_up(self) -> str:
        """A name that is on no list."""
        while True:
            name, state = "", "^^"
            while len(name) < 14:
                letter = self.pick.choice(self._chain[state])
                if letter == "$":
                    break
                name, state = name + letter, state[1] + letter
            if 3 <= len(name) <= 11:
                return name.capitalize()

    def _allowed(self, part: str) -> bool:
        share = (sum(part.lower().encode()) * 2654435761 % 1000) / 1000
        return (share >= self.kept) if self.unseen else (share < self.kept)

    def _part(self, kind: str, locale: str) -> str:
        for _ in range(40):
            part = str(getattr(self._fakers[locale], kind)())
            if self._allowed(part):
                return part
        return self.made_up()

    def pair(self) -> tuple[str, str]:
        """First and last name of one origin."""
        pick, draw = self.pick, self.pick.random()
        if draw < 0.10:
            return self.made_up(), self.made_up()
        if draw < 0.24:
            return self._listed()
        locale = pick.choice(LATIN) if draw < 0.88 else pick.choice(OTHER)
        first, last = self._part("first_name", locale), self._part("last_name", locale)
        if locale in ROMANISED and pick.random() < 0.75:
            first, last = (anyascii(part).strip().title() for part in (first, last))
        if pick.random() < 0.06 and last.isascii():
            last = f"{pick.choice(PARTICLES)} {last}"
            last = last if pick.random() < 0.7 else last[0].upper() + last[1:]
        elif pick.random() < 0.05 and last.isascii():
            last = pick.choice(BOTH) + last
        elif pick.random() < 0.04:
            last = f"{last}-{self._part('last_name', locale)}"
        return first, last

    def _listed(self) -> tuple[str, str]:
        pick, draw = self.pick, self.pick.random()
        if draw < 0.4:
            given = [pick.choice(CHINESE_GIVEN) for _ in range(pick.choice((1, 2, 2)))]
            return pick.choice(("".join(given), "-".join(given))).capitalize(), pick.choice(CHINESE)
        if draw < 0.5:
            return pick.choice(VIETNAMESE_GIVEN), pick.choice(VIETNAMESE)
        if draw < 0.7:
            one, two = pick.choice(KOREAN_GIVEN), pick.choice(KOREAN_GIVEN)
            return pick.choice(
                (f"{one}-{two}", f"{one}{two}", f"{one}-{two.title()}", f"{one} {two.title()}")
            ).capitalize(), pick.choice(KOREAN)
        last = pick.choice(ARABIC_LAST)
        return pick.choice(ARABIC), pick.choice(
            (last, f"Al-{last}", f"al-{last}", f"El {last}", f"bin {last}", f"Abdul {last}", f"Al {last}")
        )

    def first(self) -> str:
        """A first name."""
        return self.pair()[0]

    def last(self) -> str:
        """A last name."""
        return self.pair()[1]

    def person(self) -> str:
        """A person's name as it may stand in a text."""
        pick, draw = self.pick, self.pick.random()
        first, last = self.pair()
        initial = first[0].upper()
        if draw < 0.62:
            return f"{first} {last}"
        if draw < 0.70:
            return f"{first} {pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.75:
            return f"{initial}. {last}"
        if draw < 0.78:
            return f"{initial}. {pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.80:
            return f"{initial}.{pick.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.85:
            return f"{first} {self.first()} {last}"
        if draw < 0.88:
            return f"{first}-{self.first()} {last}"
        if draw < 0.92:
            return f"{first} {last} {self.last()}"
        if draw < 0.95:
            return f"{last} {first}"
        if draw < 0.97:
            return f"{first} {last} {pick.choice(SUFFIXES)}"
        return f"{last.upper()} {first}" if draw < 0.985 else f"{first} {last.upper()}"

    def listed_person(self) -> str:
        """A name with the last name first."""
        first, last = self.pair()
        return self.pick.choice(
            (
                f"{last}, {first}",
                f"{last}, {first} {self.pick.choice('ABCDEJKLMRST')}.",
                f"{last}, {first[0].upper()}.",
                f"{last.upper()}, {first}",
            )
        )

    def city(self) -> str:
        """A town or city."""
        if self.pick.random() < 0.45:
            return self.pick.choice(CITIES)
        locale = self.pick.choice(LATIN)
        if self.pick.random() < 0.15:
            return self.made_up() + self.pick.choice(
                ("", "", "ville", "ton", "burg", " City", " Beach", "stad", "ford", "hausen")
            )
        return str(self._fakers[locale].city())

    def country(self) -> str:
        """A country or region."""
        return self.pick.choice(COUNTRIES)

    def address(self) -> str:
        """A postal address, or its street line alone."""
        pick = self.pick
        number = f"{pick.randint(1, 999)}{pick.choice(('', '', '', '', 'a', 'B', '-4', '/2'))}"
        name = pick.choice(
            (
                self.last(),
                self.made_up(),
                pick.choice(
                    "Oak Mill Station Church High Park Elm Maple Hill Lake River King Queen Garden Main Cedar Pine Bridge Market".split()
                ),
            )
        )
        locale = pick.choice(LATIN)
        draw = pick.random()
        if draw < 0.4:
            street = f"{number} {name} {pick.choice(STREETS)}"
        elif draw < 0.7:
            line = pick.choice(FOREIGN_STREETS).format(x=name)
            street = pick.choice(
                (f"{line} {number}", f"{number} {line}", f"{line}, {number}", f"{line} nº {number}")
            )
        elif draw < 0.97:
            street = str(self._fakers[locale].street_address()).replace("\n", ", ")
        else:
            street = f"{number} {name} Road"
        extra = pick.choice(
            (
                "",
                "",
                "",
                f", Apt {pick.randint(1, 99)}",
                f", Suite {pick.randint(100, 900)}",
                f", Flat {pick.randint(1, 60)}",
                f" #{pick.randint(1, 400)}",
            )
        )
        code = pick.choice(
            (
                f"{pick.randint(10000, 99999)}",
                f"{pick.randint(1000, 9999)}",
                f"{pick.choice('BCDEGLMNSW')}{pick.randint(1, 28)} {pick.randint(1, 9)}{pick.choice('ABDEFHJ')}{pick.choice('LNPQRS')}",
                f"{pick.randint(1000, 9999)} {pick.choice('ABCDE')}{pick.choice('RSTVW')}",
            )
        )
        comma = pick.choice((", ", ", ", "\n"))
        tail = pick.choice(
            (
                "",
                "",
                f"{comma}{self.city()}",
                f"{comma}{self.city()} {code}",
                f"{comma}{code} {self.city()}",
                f"{comma}{self.city()}, {pick.choice('TX CA NY FL OH GA WA IL PA MA'.split())} {pick.randint(10000, 99999)}",
                f"{comma}{code} {self.city()}, {self.country()}",
            )
        )
        return street + extra + tail

    def organization(self) -> str:
        """A company or another body."""
        pick, draw = self.pick, self.pick.random()
        if draw < 0.25:
            return pick.choice(KNOWN)
        if draw < 0.5:
            shape = pick.choice(BODIES)
            return shape.format(
                c=self.city(),
                l=self.last(),
                m=self.last(),
                o=self.last(),
                f=self.first(),
                t=pick.choice(("Justice", "Labor", "Education", "Transport", "Defense")),
            )
        if draw < 0.65:
            return str(self._fakers["en_US"].company())
        if draw < 0.75:
            locale = pick.choice(LATIN)
            return str(self._fakers[locale].company())
        stem = pick.choice(
            (
                self.made_up(),
                self.last(),
                pick.choice(
                    "Blue North Bright Summit Global Delta Apex Vertex Silver Green Prime Next Nova Terra Quantum Pioneer Horizon Crystal Atlas".split()
                )
                + pick.choice(("", "line", "path", "field", "bridge", "wave", " Peak", "Tech")),
            )
        )
        return (
            f"{stem} {pick.choice(TRADES)}" + pick.choice(("", "", f" {pick.choice(COMPANY)}"))
            if draw < 0.92
            else f"{stem} {pick.choice(COMPANY)}"
        )

    def title(self) -> str:
        """A form of address."""
        return self.pick.choice(TITLES)

    def faked(self, kind: str, locale: str = "en_US") -> str:
        """Whatever Faker calls by that name."""
        return str(getattr(self._fakers[locale], kind)())

    def sample(self, values: Sequence[str]) -> str:
        """One of some values."""
        return self.pick.choice(values)
