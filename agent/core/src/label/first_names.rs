//! Given names that are frequent in Europe and the Americas, folded as [`super::tokens`] does. Left out:
//! names that are also frequent words, months or cities (April, Austin, Florence, Grace, Mark, Paris, Will).

use std::{collections::HashSet, sync::LazyLock};

const NAMES: &str = " aaron adam adrian agnieszka ahmed alan albert alberto alejandra alejandro alessandra \
    alessandro alex alexander alexandra alexandre alexis alfred ali alice alicia alina amanda amelia amelie amy \
    ana anastasia andre andrea andreas andres andrew andrzej angela angelika anja anke anna anne annette antje \
    anthony antoine anton antonella antonia antonio arthur artur aurelie barbara bartosz beata beatrice beatriz \
    ben benjamin bernd bernhard bianca birgit boris brandon brenda brian brigitte britta bruno camila camille \
    carla carlos carmen carol caroline catarina catherine cecile celine chantal charles chiara chloe christian \
    christiane christina christine christoph christophe christopher clara claudia claudio clemens cynthia dagmar \
    damien daniel daniela danielle dariusz davide david deborah denis dennis diana diego dieter dirk dominik \
    donald donna dorothea dorota eduardo edward elena eleonora elif elisa elisabeth elizabeth elke ella ellen \
    emanuele emil emilia emilie emily emma enrico eric erik erika ernst esther eva ewa fabian fabio fatima felix \
    fernanda fernando filip filippo finn florian francesca francesco francisco franck francois frank franz \
    frederic friedrich gabriel gabriela gabriele gary georg george gerald gerard gerhard gertrud giorgia giorgio \
    giovanni giulia giuseppe gloria gonzalo grazyna gregor gregory grzegorz guenter guido guillaume gunter gustavo \
    hanna hannah hans harald heather heidi heike heinrich heinz helen helena helene helga helmut henrik herbert \
    hugo ibrahim ignacio ilaria ines ingrid irena irene isabel isabella isabelle ivan jacek jacqueline jakob jakub \
    james jan jana janet janina javier jean jeff jeffrey jennifer jens jeremy jerzy jessica joan joana joanna joao \
    joaquin jochen johanna johannes john jonas jonathan jorge jose josef joseph joshua juan judith julia julian \
    julie julien juliette julio jurgen justin kamil karen karin karina karl karolina katarzyna katharina kathleen \
    kathrin katja kelly kenneth kerstin kevin kim kimberly klaus konrad krystyna krzysztof kurt kyle larissa lars \
    laura laurent lea leah lena leon leonardo leonie liam linda lisa louis louise luca lucas lucia luciana luigi \
    luis luisa lukas lukasz lutz maarten maciej magdalena malgorzata manfred manuel manuela marc marcel marcin \
    marco marcos marek margaret margarita margot maria marianne mariana marie marina mario marion marius markus \
    marta martin martina martine mary maryam mateusz mathias mathieu matilde matteo matthew matthias maurice max \
    maximilian megan mehmet melanie melissa mia michael michal michel michele michelle miguel milan mila mirko \
    mohamed mohammed monica monika monique moritz muhammad nadia nadine nancy natalia natalie nathalie nathan \
    niklas nicholas nico nicola nicolas nicole nils nina noah noemi nora norbert oksana olaf oleksandr olga oliver \
    olivia olivier oscar oskar pablo pamela paola paolo pascal patricia patrick patrizia patryk paula paul paulina \
    pauline paulo pavel pawel pedro peter petra philip philipp philippe pierre piotr priya rachel rafael rafal rainer \
    ralf ramona raquel rebecca regina reinhard rene renata renate ricardo richard rita robert roberta roberto \
    roger roland rolf romain roman ronald rosa rosario rudolf ruth ryan sabine sabrina salvatore samantha samuel \
    sandra sara sarah sascha scott sean sebastian sergio serena sharon silke silvia simon simona simone sofia \
    sofie sonia sonja sophia sophie stefan stefania stefanie stefano steffen stephan stephanie stephen steven \
    susan susana susanne sven svenja sylvia sylvie tadeusz tamara tanja tatjana teresa theo theresa thierry thomas \
    tiago tim timo timothy tobias tomas tomasz torsten tyler ulrich ulrike ursula ute uwe valentina valerie \
    vanessa vera veronica veronique victor vincent vincenzo virginie viktor volker walter werner wiktoria wilhelm \
    william wojciech wolfgang xavier yannick yasmin yolanda yusuf yves zbigniew zofia zoe ";

static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| NAMES.split_whitespace().collect());

/// Whether a folded word is a given name.
pub(super) fn is_first_name(folded: &str) -> bool {
    SET.contains(folded)
}
