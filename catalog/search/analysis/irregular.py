"""Plurals that no stemmer knows, by language, folded. Each line: the singular and its other forms."""

_FORMS = {
    "en": """
        wolf wolves, knife knives, leaf leaves, shelf shelves, bookshelf bookshelves, half halves, calf calves,
        scarf scarves, hoof hooves, loaf loaves, thief thieves, wife wives, life lives, elf elves, self selves,
        dwarf dwarves, wharf wharves, sheaf sheaves, penknife penknives, cloverleaf cloverleaves, midwife midwives,
        housewife housewives, man men, woman women, child children, grandchild grandchildren,
        person people, foot feet, tooth teeth, goose geese, mouse mice, dormouse dormice, louse lice, ox oxen, die dice,
        penny pence, gentleman gentlemen, fireman firemen, snowman snowmen, fisherman fishermen, workman workmen,
        policeman policemen, postman postmen, salesman salesmen, craftsman craftsmen, cactus cacti cactuses,
        fungus fungi, octopus octopi octopuses, radius radii, focus foci, nucleus nuclei, stimulus stimuli,
        syllabus syllabi, alumnus alumni, terminus termini, crisis crises, thesis theses,
        analysis analyses, oasis oases, hypothesis hypotheses, ellipsis ellipses, bacterium bacteria,
        datum data, curriculum curricula, aquarium aquaria aquariums, stadium stadia stadiums,
        criterion criteria, phenomenon phenomena, automaton automata, index indices indexes, matrix matrices,
        vertex vertices, appendix appendices, vortex vortices, apex apices, larva larvae, vertebra vertebrae,
        formula formulae formulas, antenna antennae antennas, nebula nebulae, alga algae, bureau bureaux,
        plateau plateaux,
        gateau gateaux, chateau chateaux, tableau tableaux, quiz quizzes, lens lenses, graffito graffiti,
        cherub cherubim, brother brethren, hero heroes, potato potatoes, tomato tomatoes, echo echoes,
        tuna tunas, hairbrush hairbrushes, jackknife jackknives""",
    "de": """
        kaktus kakteen, lexikon lexika, museum museen, album alben, atlas atlanten, globus globen, thermoskanne
        thermoskannen, komma kommata, pizza pizzen, konto konten, firma firmen, praxis praxen, virus viren,
        mann manner, ei eier, rad rader, glas glaser, tuch tucher, buch bucher, haus hauser, kleid kleider,
        bild bilder, brett bretter, band bander, blatt blatter, dach dacher, fass fasser, kind kinder, licht lichter,
        loch locher, schild schilder, schloss schlosser, wort worter, zahn zahne""",
    "nl": """
        kind kinderen, ei eieren, blad bladeren bladen, lied liederen, rad raderen, rund runderen, kalf kalveren,
        lam lammeren, been beenderen benen, glas glazen, schip schepen, stad steden, lid leden, weg wegen, dag dagen,
        pad paden, vat vaten, gat gaten, slot sloten, bedrag bedragen, hemd hemden, koe koeien, vlo vlooien""",
    "fr": """
        oeil yeux, ciel cieux, travail travaux, bail baux, corail coraux, email emaux, vitrail vitraux, soupirail
        soupiraux, ail aulx, monsieur messieurs, madame mesdames, mademoiselle mesdemoiselles, bonhomme bonshommes,
        oeuf oeufs, boeuf boeufs""",
    "it": """
        uomo uomini, uovo uova, dito dita, braccio braccia, ginocchio ginocchia, lenzuolo lenzuola, paio paia, ala ali,
        arma armi, bue buoi, tempio templi, labbro labbra, osso ossa""",
    "sv": """
        bok bocker, fot fotter, hand hander, tand tander, man man mannen, gas gass, mus moss, lus loss, son soner,
        dotter dottrar, natt natter, stad stader, land lander, rand rander, strand strander, brand brander, tang tanger,
        spang spanger, rot rotter, ledamot ledamoter, oga ogon, ora oron, barn barnen, broder broder, mor modrar""",
    "da": """
        bog boger, fod fodder, hand haender, tand taender, mand maend, gas gaes, mus mus, ko koer, barn born,
        oje ojne, ore orer, nat naetter, stad staeder, kraft kraefter, rod rodder, and aender, so soer, ta taeer,
        klo kloer, bror brodre, mor modre, far faedre, datter dotre, sko sko skoene""",
    "nb": """
        bok boker, fot fotter, hand hender, tann tenner, mann menn, gas gjess, mus mus, ku kyr, barn barna,
        oye oyne, ore orer, natt netter, stad steder, kraft krefter, rot rotter, and ender, ta taer, klo klor,
        bror brodre, mor modre, far fedre, datter dotre, tre traer, kne knaer, sko sko skoene, strand strender,
        tang tenger, stang stenger, rand render""",
    "ru": """
        ребенок дети детеи детям, человек люди людеи людям, ухо уши ушеи, глаз глаза, дерево деревья деревьев, стул
        стулья стульев, брат братья братьев, лист листья листьев, перо перья перьев, крыло крылья крыльев, колесо колеса
        колес, окно окна окон, нож ножи ножеи, котенок котята, щенок щенки, цыпленок цыплята, дом дома, поезд поезда,
        город города, цвет цвета""",
}
# By language: a form and its singular.
SINGULARS = {
    language: {form: words[0] for line in lines.split(",") for words in [line.split()] for form in words}
    for language, lines in _FORMS.items()
}
