"""Questions and answers in languages other than English, and English ones that only look foreign."""

from __future__ import annotations

FOREIGN: dict[str, tuple[tuple[str, str], ...]] = {
    "German": (
        (
            "In einer Bäckerei kosten drei Brötchen zusammen neunzig Cent. Wie viel muss man für acht Brötchen"
            " bezahlen?",
            "Ein Brötchen kostet dreißig Cent, weil neunzig geteilt durch drei dreißig ergibt. Acht Brötchen "
            "kosten deshalb zwei Euro und vierzig Cent.",
        ),
        (
            "Herr Schneider fährt jeden Morgen zwanzig Kilometer mit dem Fahrrad zur Arbeit und abends wieder "
            "zurück. Wie weit fährt er in fünf Tagen?",
            "An einem Tag fährt er vierzig Kilometer, denn er nimmt denselben Weg zweimal. In fünf Tagen sind "
            "das zweihundert Kilometer.",
        ),
        (
            "Die Schule hat sechs Klassen mit je vierundzwanzig Kindern. Wie viele Kinder besuchen die Schule,"
            " wenn heute zehn krank sind und zu Hause bleiben?",
            "Insgesamt sind es hundertvierundvierzig Kinder. Zehn davon fehlen, also sind heute "
            "hundertvierunddreißig da.",
        ),
    ),
    "French": (
        (
            "Un fermier possède douze vaches et chacune donne vingt litres de lait par jour. Combien de litres"
            " obtient-il pendant une semaine entière ?",
            "Chaque jour, les douze vaches donnent deux cent quarante litres. Pendant une semaine, le fermier "
            "obtient donc mille six cent quatre-vingts litres.",
        ),
        (
            "Camille achète trois livres à neuf euros et un cahier à quatre euros. Combien lui reste-t-il si "
            "elle avait cinquante euros dans son porte-monnaie ?",
            "Les livres coûtent vingt-sept euros et le cahier quatre, ce qui fait trente et un euros. Il lui "
            "reste donc dix-neuf euros.",
        ),
        (
            "Le train quitte Lyon à huit heures et arrive à Paris deux heures plus tard. Quelle est sa vitesse"
            " moyenne si la distance est de quatre cents kilomètres ?",
            "On divise la distance par la durée du trajet. Quatre cents kilomètres en deux heures font une "
            "vitesse moyenne de deux cents kilomètres par heure.",
        ),
    ),
    "Spanish": (
        (
            "María tiene quince manzanas y le regala cinco a su hermano pequeño. Después compra otras ocho en "
            "el mercado. ¿Cuántas manzanas tiene ahora?",
            "Después de regalar cinco le quedan diez manzanas. Como compra ocho más en el mercado, ahora tiene"
            " dieciocho manzanas en total.",
        ),
        (
            "Un autobús lleva cuarenta pasajeros y en la primera parada bajan doce y suben siete. ¿Cuántas "
            "personas viajan después en el autobús?",
            "Cuando bajan doce pasajeros quedan veintiocho. Luego suben siete, así que después de la parada "
            "viajan treinta y cinco personas.",
        ),
        (
            "La biblioteca del pueblo presta cada día veinte libros y recibe quince de vuelta. ¿Cuántos libros"
            " faltan en las estanterías al cabo de diez días?",
            "Cada día faltan cinco libros más que el anterior. Al cabo de diez días faltan cincuenta libros en"
            " las estanterías.",
        ),
    ),
    "Italian": (
        (
            "Giulia legge venti pagine ogni sera prima di dormire. Quanti giorni le servono per finire un "
            "romanzo di trecento pagine?",
            "Bisogna dividere il numero delle pagine per quelle che legge ogni sera. Trecento diviso venti fa "
            "quindici, quindi le servono quindici giorni.",
        ),
        (
            "In un cesto ci sono ventiquattro uova e sei di queste sono rotte. Quante scatole da tre si "
            "possono riempire con le uova che restano?",
            "Le uova intere sono diciotto, perché bisogna togliere le sei rotte. Con diciotto uova si "
            "riempiono sei scatole da tre.",
        ),
    ),
    "Portuguese": (
        (
            "O João ganha oito euros por hora e trabalha seis horas por dia. Quanto dinheiro ele recebe depois"
            " de cinco dias de trabalho?",
            "Em cada dia ele ganha quarenta e oito euros. Depois de cinco dias de trabalho recebe duzentos e "
            "quarenta euros.",
        ),
        (
            "Uma caixa tem dez pacotes e cada pacote tem doze bolachas. Quantas bolachas sobram se as crianças"
            " comerem noventa durante a festa?",
            "A caixa tem cento e vinte bolachas no total. Se as crianças comerem noventa, ainda sobram trinta "
            "bolachas para o dia seguinte.",
        ),
    ),
    "Dutch": (
        (
            "Een tuinman plant elke dag vijftien bollen in het park naast het station. Hoeveel bollen heeft "
            "hij na twee weken geplant als hij op zondag niet werkt?",
            "In twee weken werkt hij twaalf dagen, want de zondagen tellen niet mee. Twaalf keer vijftien is "
            "honderdtachtig bollen.",
        ),
        (
            "Sanne heeft vijftig euro gespaard en koopt een jas van eenendertig euro. Hoeveel houdt zij over "
            "voor het verjaardagscadeau van haar broer?",
            "Als zij de jas heeft betaald, houdt zij negentien euro over. Dat bedrag kan zij aan het cadeau "
            "voor haar broer uitgeven.",
        ),
    ),
    "Polish": (
        (
            "W sadzie rośnie osiem rzędów jabłoni, a w każdym rzędzie jest dwanaście drzew. Ile drzew "
            "zostanie, jeżeli ogrodnik wytnie siedem chorych?",
            "Na początku w sadzie jest dziewięćdziesiąt sześć drzew. Po wycięciu siedmiu chorych zostanie "
            "osiemdziesiąt dziewięć jabłoni.",
        ),
        (
            "Ania jedzie pociągiem trzy godziny z prędkością osiemdziesięciu kilometrów na godzinę. Jak daleko"
            " mieszka jej babcia?",
            "Trzeba pomnożyć czas przez prędkość pociągu. Babcia mieszka więc dwieście czterdzieści kilometrów dalej.",
        ),
    ),
    "Swedish": (
        (
            "På en gård finns det trettio får och hälften så många getter. Hur många djur finns det på gården "
            "om bonden också har fyra hästar?",
            "Hälften av trettio är femton, så det finns femton getter. Tillsammans med fåren och hästarna blir"
            " det fyrtionio djur.",
        ),
    ),
    "Turkish": (
        (
            "Bir öğretmen yirmi dört öğrenciye üçer kalem dağıtıyor ve elinde beş kalem kalıyor. Başlangıçta "
            "kaç kalemi vardı?",
            "Öğretmen öğrencilere toplam yetmiş iki kalem dağıtmıştır. Elinde kalan beş kalemle birlikte "
            "başlangıçta yetmiş yedi kalemi vardı.",
        ),
    ),
    "Russian": (
        (
            "В магазине было сорок килограммов картофеля. Утром продали пятнадцать килограммов, а вечером ещё "
            "десять. Сколько картофеля осталось?",
            "За день продали двадцать пять килограммов. Значит, в магазине осталось пятнадцать килограммов картофеля.",
        ),
        (
            "Автобус проехал сто двадцать километров за два часа. С какой скоростью он ехал, если нигде не "
            "останавливался?",
            "Нужно разделить расстояние на время. Автобус ехал со скоростью шестьдесят километров в час.",
        ),
    ),
    "Chinese": (
        (
            "小明有二十四个苹果，他把其中的一半送给了邻居，又吃掉了三个。请问他现在还剩下多少个苹果？",
            "他先送出去十二个苹果，手里还有十二个。后来又吃掉了三个，所以现在还剩下九个苹果。",
        ),
        (
            "一本书一共有三百页，小红每天看二十五页。她需要多少天才能把这本书看完？",
            "用总页数除以每天看的页数就可以得到天数。三百除以二十五等于十二，所以她需要十二天。",
        ),
    ),
    "Japanese": (
        (
            "太郎さんは一日に三十分ずつ本を読みます。二週間では全部で何時間読むことになりますか。",
            "二週間は十四日なので、全部で四百二十分になります。これを時間に直すと七時間です。",
        ),
    ),
}
"""Each is one sample: question and answer."""

ENGLISH_WITH_NAMES = (
    (
        "Señor Gutiérrez sold forty crème brûlées and half as many piñatas at the São Paulo street fair. How "
        "many things did he sell altogether?",
        "Half of forty is twenty, so he sold twenty piñatas. With the forty crème brûlées that makes sixty things.",
    ),
    (
        "Frau Müller drives from Köln to Düsseldorf and back three times a week. If one way is forty "
        "kilometres, how far does she drive in a week?",
        "There and back is eighty kilometres. Frau Müller does that three times, so she drives two hundred and forty.",
    ),
    (
        "Zsófia baked a dozen kürtőskalács and Łukasz ate a quarter of them. How many were left for the guests?",
        "A quarter of twelve is three. After Łukasz was done, nine kürtőskalács were left for the guests.",
    ),
)
"""Decoys: what is foreign in them are names."""

MOJIBAKE_SOURCES = (
    "Don’t forget that she’s paid twice",
    "He said “keep the change” and left",
    "The café next to the crêperie was full",
    "It takes 3–4 days — never more",
    "Übung macht für Jörg keinen Spaß",
    "El niño compró piñas mañana",
    "The price was €20, not £15",
    "François était déjà là",
    "Well done 😀 that was quick",
    "Dvořák and Škoda are from Plzeň",
)
"""Sentences that come out as mojibake when their UTF-8 is read as Windows-1252 or Latin-1."""

ACCENTED = (
    "São Paulo's naïve façade, Ångström and Łódź are all spelled right.",
    "À la carte it costs 12 €, and “quoted” words – with dashes – are fine.",
    "Ñandú, Ærøskøbing, Škoda and Việt Nam keep their accents.",
    "It was 25 °C in the shade, ±2, and ½ of the café's guests had a crème brûlée.",
)
"""Decoys: sound text with characters beyond ASCII."""
