"""Languages by name and code, and texts that are in another one than was asked for."""

import pytest

from videoscan.language import languages

TEXTS = {
    "ar": "موقف سيارات ليلا. تصل سيارة حمراء من اليسار وتتوقف.",
    "de": "Ein Parkplatz bei Nacht. Ein rotes Auto kommt von links und parkt. Eine Person steigt aus.",
    "en": "A car park at night. A red car arrives from the left and parks. A person gets out.",
    "es": "Un estacionamiento de noche. Un coche rojo llega por la izquierda y aparca.",
    "fr": "Un parking la nuit. Une voiture rouge arrive de la gauche et se gare.",
    "hi": "रात में पार्किंग। एक लाल कार बाईं ओर से आती है और रुकती है।",
    "id": "Tempat parkir di malam hari. Sebuah mobil merah datang dari kiri dan parkir.",
    "it": "Un parcheggio di notte. Arriva una macchina rossa da sinistra e parcheggia.",
    "ja": "夜の駐車場。赤い車が左から来て駐車する。",
    "ko": "밤의 주차장. 빨간 차가 왼쪽에서 와서 주차한다.",
    "nl": "Een parkeerplaats bij nacht. Een rode auto komt van links en parkeert.",
    "pl": "Parking nocą. Czerwony samochód przyjeżdża z lewej strony i parkuje.",
    "pt": "Um estacionamento à noite. Um carro vermelho chega pela esquerda e estaciona.",
    "ru": "Парковка ночью. Красная машина подъезжает слева и паркуется.",
    "sv": "En parkeringsplats på natten. En röd bil kommer från vänster och parkerar.",
    "th": "ลานจอดรถตอนกลางคืน รถสีแดงมาจากด้านซ้ายและจอด",
    "tr": "Gece bir otopark. Kırmızı bir araba soldan gelip park ediyor.",
    "vi": "Bãi đậu xe ban đêm. Một chiếc ô tô màu đỏ đến từ bên trái và đỗ lại.",
    "zh": "夜间停车场。一辆红色汽车从左侧驶来并停下。",
}


@pytest.mark.parametrize("asked", TEXTS)
def test_a_text_in_the_language_that_was_asked_for_is_never_taken_for_another(asked):
    assert languages.found_instead(TEXTS[asked], asked) is None


@pytest.mark.parametrize("asked", TEXTS)
def test_two_sentences_in_another_language_are_found_out(asked):
    for written, text in TEXTS.items():
        if written != asked:
            assert languages.found_instead(text, asked) == languages.NAMES[written].partition(" (")[0].removeprefix("Simplified ")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", "de"),
        ("Car arrives", "de"),  # a few words say nothing
        ("PKW", "en"),
        ("No change", "zh"),
        ("12:04:33 | 404 | #7", "ru"),
        ("一辆 Volkswagen Golf GTI 停在 REWE Supermarkt 门口。", "zh"),  # names are quoted as they are written
        ("En bil kommer fra venstre og parkerer ved siden av huset.", "da"),  # Norwegian: near kin
        ("Sebuah mobil merah datang dari kiri.", "ms"),
        ("Ein Parkplatz bei Nacht. Ein rotes Auto kommt.", "Klingon"),  # nobody knows what that looks like
    ],
)
def test_where_it_cannot_be_sure_it_says_nothing(text, asked):
    assert languages.found_instead(text, asked) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("de", "de"),
        ("German", "de"),
        ("de-AT", "de"),
        ("zh_TW", "zh"),
        ("日本語", "ja"),
        ("traditional chinese", "zh"),
        ("sw", "sw"),
        ("xx", None),
        ("Klingon", None),
    ],
)
def test_a_language_is_known_by_code_and_by_name(given, code):
    assert languages.code_of(given) == code
