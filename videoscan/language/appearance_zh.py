"""What a Chinese title says its subject looks like: "穿红色外套的男子进入" is of a person, male, in a red coat. Pure.

As in English (`videoscan.language.appearance`) only what is plainly there counts: titles that begin with a person in a garment of a colour or with a
vehicle of a colour, and go on with what it does. Kinds and traits bear the English words, so that both languages tell of one thing alike.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


def _words(table: str) -> dict[str, str]:
    """Each Chinese word to what it stands for: ``meaning word word; meaning word``."""
    return {word: entry.split()[0] for entry in table.split(";") for word in entry.split()[1:]}


# Simplified and traditional characters; what is said in the Chinese of either side of the strait.
COLOURS = _words(
    "black 黑; white 白; grey 灰; silver 银 銀; red 红 紅; blue 蓝 藍; green 绿 綠; yellow 黄 黃; orange 橙 橘; brown 棕 褐 咖啡;"
    " purple 紫; pink 粉红 粉紅 粉; beige 米"
)
_SHADES = _words("dark 深; light 浅 淺")
_GARMENTS = _words(
    "jacket 夹克 夾克 外套 大衣 风衣 風衣 棉衣 羽绒服 羽絨服; hoodie 卫衣 衛衣 连帽衫 連帽衫; sweater 毛衣; shirt 衬衫 襯衫 衬衣;"
    " t-shirt T恤 t恤; vest 背心 马甲 馬甲; suit 西装 西裝 西服; dress 连衣裙 連衣裙; skirt 裙子 短裙 长裙 長裙; trousers 裤子 褲子 长裤 長褲;"
    " jeans 牛仔裤 牛仔褲; shorts 短裤 短褲; hat 帽子; helmet 头盔 頭盔 安全帽; scarf 围巾 圍巾; backpack 背包 双肩包 雙肩包 书包;"
    " bag 手提包 包; umbrella 雨伞 雨傘; uniform 制服; overalls 工作服; apron 围裙 圍裙; top 上衣; clothes 衣服"
)
_PEOPLE: dict[str, tuple[tuple[str, str], ...]] = {
    word: traits
    for words, traits in (
        ("人 人员 人員 行人", ()),
        ("男子 男人 男士", (("gender", "male"), ("age", "grown"))),
        ("男性", (("gender", "male"),)),
        ("女子 女人 女士", (("gender", "female"), ("age", "grown"))),
        ("女性", (("gender", "female"),)),
        ("男孩 男童", (("gender", "male"), ("age", "child"))),
        ("女孩 女童", (("gender", "female"), ("age", "child"))),
        ("孩子 小孩 儿童 兒童", (("age", "child"),)),
        ("老人", (("years", "old"),)),
    )
    for word in words.split()
}
_YEARS = _words("young 年轻 年輕; old 老年 年老")
_VEHICLES = _words(
    "car 汽车 汽車 小汽车 小汽車 轿车 轎車 越野车 越野車; van 面包车 麵包車; truck 货车 貨車 卡车 卡車; bus 公交车 公交車 公共汽车 巴士 大巴;"
    " taxi 出租车 出租車 计程车 計程車; bicycle 自行车 自行車; motorcycle 摩托车 摩托車; scooter 电动车 電動車; tractor 拖拉机 拖拉機; tram 电车 電車"
)
_BODIES = _words("sedan 轿车 轎車; suv 越野车 越野車")


def _any(words: Iterable[str]) -> str:
    """One of them, the longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_OF_COLOUR = rf"(?:{_any(_SHADES)})?(?:{_any(COLOURS)})"
_GARMENT = rf"{_OF_COLOUR}色?的?(?:{_any(_GARMENTS)})"
_WORN = rf"(?:身穿|身着|身著|穿着|穿著|穿|戴着|戴著|头戴|頭戴|戴|背着|背著|背|提着|提著|手提|拿着|拿著)(?:一件|一顶|一頂|一个|一個)?{_GARMENT}"
_CLOTHES = rf"{_WORN}(?:(?:[、，,和及并並]{{0,2}}(?:{_WORN}|{_GARMENT})))*"
_COUNT = r"(?:[一某这那這][名个個位辆輛台部])?"
# What follows must be what it does: "红色汽车门" is a door, and "红色汽车旁" a place.
_DOES = (
    r"(?=$|[。，,：:；;\s]|上车|上車|下车|下車|上楼|下楼|停|驶|駛|开|開|离|離|进|進|出|经|經|通过|通過|转|轉|倒|等待|等候|行|走|跑|来|來|到|从|從|在|正|缓|緩|快|慢"
    r"|站|坐|打|关|關|拿|放|推|拉|搬|骑|騎|穿过|穿過|过|過|越|向|往|朝|回|返|靠|接|看|蹲|躺|跌|摔|挥|揮|敲|按|抽|抵|掉|调|調|撞|追|躲|翻|爬|跳|徘|弯|消|再|又|已|被|把|将|將|携|攜|带|帶)"
)
_PERSON = re.compile(
    rf"{_COUNT}(?P<name>(?P<years>{_any(_YEARS)})?(?:(?P<worn>{_CLOTHES})的|(?P<short>{_any(COLOURS)})衣)(?P<noun>{_any(_PEOPLE)})){_DOES}"
    rf"|{_COUNT}(?P<name2>(?P<years2>{_any(_YEARS)})?(?P<noun2>{_any(_PEOPLE)})(?P<worn2>{_CLOTHES})){_DOES}"
)
_VEHICLE = re.compile(
    rf"{_COUNT}(?P<name>(?:(?P<shade>{_any(_SHADES)})?(?P<colour>{_any(COLOURS)})色?的?)?(?P<noun>{_any(_VEHICLES)})){_DOES}"
)
_ONE_GARMENT = re.compile(rf"(?P<shade>{_any(_SHADES)})?(?P<colour>{_any(COLOURS)})色?的?(?P<garment>{_any(_GARMENTS)})")


class Look(NamedTuple):
    """A subject's name, its kind, and its traits as ``(what, which)``."""

    name: str
    kind: str
    traits: list[tuple[str, str]]


def read(title: str) -> Look | None:
    """What a title says of its subject; `None` where that is not plain. A vehicle may be told without a colour."""
    if title.isascii():
        return None
    title = title.strip()
    if (found := _PERSON.match(title)) is not None:
        return _person(found)
    if (found := _VEHICLE.match(title)) is None:
        return None
    noun, traits = found["noun"], list[tuple[str, str]]()
    if noun in _BODIES:
        traits.append(("body", _BODIES[noun]))
    if found["colour"]:
        traits.append(("colour", COLOURS[found["colour"]]))
    if found["shade"]:
        traits.append(("colour shade", _SHADES[found["shade"]]))
    return Look(found["name"], _VEHICLES[noun], traits)


def _person(found: re.Match[str]) -> Look:
    noun, years = found["noun"] or found["noun2"], found["years"] or found["years2"]
    traits = list(_PEOPLE[noun])
    if years:
        traits.append(("years", _YEARS[years]))
    if found["short"]:
        traits.append(("clothes", COLOURS[found["short"]]))
    for one in _ONE_GARMENT.finditer(found["worn"] or found["worn2"] or ""):
        garment = _GARMENTS[one["garment"]]
        traits.append((garment, COLOURS[one["colour"]]))
        if one["shade"]:
            traits.append((f"{garment} shade", _SHADES[one["shade"]]))
    return Look(found["name"] or found["name2"], "person", traits)
