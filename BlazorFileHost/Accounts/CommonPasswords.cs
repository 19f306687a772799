using System.Collections.Frozen;

namespace BlazorFileHost.Accounts;

/// <summary>
/// The passwords of twelve characters and more that are tried first: those that lead the published lists of stolen ones, and
/// the words that lead the lists of shorter ones, made long enough with the usual endings. Without regard to case.
/// </summary>
internal static class CommonPasswords
{
    private const string Whole = """
        !qaz2wsx3edc !qaz@wsx#edc 010203040506 012345678901 01234567890123 098765432109 0987654321098 102030405060 1020304050607
        112233445566 11223344556677 121212121212 123123123123 123123123123123 123321123321 123456123456 123456654321 123456789012
        1234567890123 12345678901234 123456789012345 1234567890123456 12345678901234567890 1234567891011 12345678910111213 123456789123
        12345678912345 123456789123456789 135792468024 147258369147 159753159753 1a2b3c4d5e6f 1q2w3e4r5t6y 1q2w3e4r5t6y7u 1q2w3e4r5t6y7u8i
        1q2w3e4r5t6y7u8i9o0p 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1qaz2wsx3edc4rfv5tgb 1qaz@wsx3edc 246813579024 696969696969 741852963741
        789456123000 789456123789 987654321012 9876543210987 987654321987 a1b2c3d4e5f6 a1b2c3d4e5f6g7 aa123456aa12 aaa111222333
        aabbccddeeff abc123456789 abcd12345678 abcd1234abcd abcdef123456 abcdefg12345 abcdefgh1234 abcdefghijkl abcdefghijklm
        abcdefghijklmn abcdefghijklmnop abcdefghijklmnopqrstuvwxyz abracadabra1 abracadabra12 abracadabra123 adminadmin123 administrator
        adminpassword alejandra123 alejandro123 alexander123 alexander1234 anthony12345 asdf1234asdf asdfasdfasdf asdfghjkl123
        asdfghjkl1234 asdfghjkl;'\ asdfqwerzxcv australia123 azertyuiop123 azertyuiopqsdf barcelona123 barcelona1234 basketball23
        blackandwhite blackberry12 blink182blink bonjour12345 california12 california123 callofduty12 callofduty123 canada123456
        changemenow1 changemeplease chelseafc123 chocolatecake christopher1 christopher12 christopher123 contrasena12 contrasena123
        contrasena1234 contraseña12 contraseña123 correcthorsebatterystaple counterstrike counterstrike1 december1234 defaultpassword
        deutschland1 deutschland123 dontforget12 dragonballz1 dragonballz12 dropbox12345 elizabeth123 elizabeth1234 fcbarcelona1
        footballer12 forgetmenot1 fortnite1234 frankfurt123 fuckyou12345 fuckyou123456 fuckyoufuckyou gabriel12345 gameofthrones
        gmail1234567 godisgreat12 godislove1234 guestguest12 hallo1234567 hallo123hallo halloween123 harleydavidson harrypotter1
        harrypotter12 harrypotter123 hotmail12345 hunter123456 ichliebedich ichliebedich1 idontknow123 ilovejesus123 ilovemusic123
        ilovemyfamily ilovemymother ilovemyself1 iloveyoubaby1 iloveyouforever iloveyousomuch inmemoryof12 instagram123 iphone123456
        isabella1234 jesuschrist1 jesusisking1 jesusislord1 jesuslovesme jonathan1234 lamborghini1 lamborghini12 letmeinnow123
        letmeinplease linkinpark12 linkinpark123 linux1234567 liverpoolfc1 lkjhgfdsapoiuytrewq london123456 lordoftherings losangeles12
        manchester12 manchestercity manchesterunited marseille123 mercedesbenz metallica123 microsoft123 microsoft1234 mipassword12
        mnbvcxzlkjhgf motdepasse12 motdepasse123 motdepasse1234 motherfucker motherfucker1 mychemicalromance mylittlepony mypassword123
        mypassword1234 mypassword12345 nevermind123 newpassword1 newpassword123 newyork12345 newyorkyankees nintendo1234 nopassword123
        november1234 oldpassword1 opensesame12 opensesame123 openseseame1 p@$$w0rd1234 p@$$word1234 pa$$w0rd1234 pa$$word1234 parola123456
        passw0rd!234 password#1234 password-123 password1password password@123 password@1234 password_123 passwordispassword
        passwordpassword1 passwordsecret passwort1234 passwort12345 passwort123456 passwortpasswort playstation1 playstation2 playstation3
        playstation4 playstation5 pleasechangeme poiuytrewqlk q1w2e3r4t5y6 q1w2e3r4t5y6u7i8 qazwsxedcrfv qazwsxedcrfvtgb qwert12345qwert
        qwertasdfgzxcvb qwertyasdfgh qwertyasdfzxcv qwertyuiop!@ qwertyuiop12 qwertyuiop123 qwertyuiop1234 qwertyuiop12345
        qwertyuiop123456 qwertyuiop[] qwertyuiop[]\ qwertyuiopasdfgh qwertyuiopasdfghjkl qwertyuiopasdfghjklzxcvbnm qwertzuiopasdf
        realmadrid12 realmadrid123 rocknroll123 rootpassword samantha1234 schalke04schalke schatz123456 sebastian123 secretpassword
        senha1234567 senha123456789 september123 slipknot1234 spiderman123 spiderman1234 startrek1234 stephanie123 strawberry12
        summertime12 superadmin123 superadministrator sweetiepie12 teamo1234567 tequiero1234 tequieromucho testing12345 testing123456
        testpassword testtest1234 thebeatles12 thisisapassword thisismypassword thunderbird1 thunderbolt1 trustno12345 username1234
        usernamepassword userpassword useruseruser valentina123 victoria1234 wachtwoord12 wachtwoord123 washington12 washington123
        watermelon12 welcome2026! welcome@1234 welcometohell whocares1234 windows10pro windows12345 xboxlive1234 yourpassword youtube12345
        zaq12wsxcde3 zaq1xsw2cde3 zaq1zaq1zaq1 zxcvasdfqwer zxcvbnm12345 zxcvbnm123456 zxcvbnmasdfghjkl zxcvbnmasdfghjklqwertyuiop
        """;

    private const string Words = """
        password passw0rd p@ssword p@ssw0rd pa55word qwerty qwertz azerty letmein welcome iloveyou football baseball basketball sunshine
        princess dragon monkey shadow superman batman master michael jennifer charlie trustno1 starwars whatever freedom computer internet
        changeme default secret summer winter spring autumn admin administrator root abc123 test login access hello liverpool chelsea
        arsenal cheese cookie flower butterfly pokemon minecraft samsung google facebook linkedin qazwsx asdfgh zxcvbn 1q2w3e4r 1qaz2wsx
        q1w2e3r4 killer jordan ashley daniel matthew jessica nicole michelle corvette mustang ferrari mercedes porsche yankees cowboys
        eagles steelers naruto matrix phoenix diamond purple orange banana chocolate sweetheart babygirl loveyou forever angel jesus
        blessed christ godisgood
        """;

    private const string Endings = """
        123 1234 12345 123456 1234567 12345678 123456789 1234567890 2020 2021 2022 2023 2024 2025 2026 2027 2028 123! 1234! 12345! 123456!
        !@#$ 123123 111111 000000 123abc 321 654321 007 69 666 777 999 1 12 01 ! !! 1! 12!
        """;

    private static readonly FrozenSet<string> All = Every().Where(password => password.Length >= PasswordRule.Shortest)
        .ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool Contain(string password) => All.Contains(password) || IsOneCharacter(password);

    // "aaaaaaaaaaaa": whoever wants a password without thinking holds one key down, but seldom for long.
    private static bool IsOneCharacter(string password) => password.Length <= 2 * PasswordRule.Shortest && password.All(c => c == password[0]);

    private static IEnumerable<string> Every()
    {
        foreach (var word in Split(Words))
        {
            yield return word + word;
            yield return word + word + word;
            foreach (var ending in Split(Endings))
            {
                yield return word + ending;
            }
        }

        foreach (var password in Split(Whole))
        {
            yield return password;
        }
    }

    private static string[] Split(string words) => words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
