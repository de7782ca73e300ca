# Sidornas ord på svenska.

## Överallt
app-name = Annals
nav-home = Hem
nav-find = Sök
nav-activity = Aktivitet
nav-batches = Ändringssatser
nav-deleted = Borttaget
nav-transfers = Överföringar
nav-copies = Kopior
nav-references = Referenser
nav-proof = Bevis
nav-recover = Återställ
nav-settings = Inställningar
nav-label = Sidor
skip-to-content = Gå till innehållet
moment-now = Du ser hur det är nu
moment-then = Du ser på { $when }. Inget ändras av att du tittar.
back-to-now = Tillbaka till nu
search-label = Sök
search-button = Sök
language-label = Språk
count-changes =
    { $n ->
        [one] { $n } ändring
       *[other] { $n } ändringar
    }

## Omdöme
safe = Säkert
not-safe = Inte säkert

## Fel
error-title = Det gick inte
error-next = Vad du kan göra

## Hem
home-title = Är vi säkra?
