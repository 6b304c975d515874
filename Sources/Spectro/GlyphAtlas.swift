/// Made by scripts/glyphs: characters in DejaVu Sans, 16 pixels, side by side.
enum GlyphAtlas {
  /// From left to right.
  static let characters = """
     !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcde\
    fghijklmnopqrstuvwxyz{|}~¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎ\
    ÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ–—…−′□ŁłŚśŠšŽžŒœ
    """

  /// Pixels from a character to the next; its cell is a pixel wider on both sides.
  static let advances: [UInt8] = [
    5, 6, 7, 13, 10, 15, 12, 4, 6, 6, 8, 13, 5, 6, 5, 5, 10, 10, 10, 10, 10, 10, 10, 10,
    10, 10, 5, 5, 13, 13, 13, 8, 16, 11, 11, 11, 12, 10, 9, 12, 12, 5, 5, 10, 9, 14, 12, 13,
    10, 13, 11, 10, 10, 12, 11, 16, 11, 10, 11, 6, 5, 6, 13, 8, 8, 10, 10, 9, 10, 10, 6, 10,
    10, 4, 4, 9, 4, 16, 10, 10, 10, 10, 7, 8, 6, 10, 9, 13, 9, 9, 8, 10, 5, 10, 13, 6,
    10, 10, 10, 10, 5, 8, 8, 16, 8, 10, 13, 16, 8, 8, 13, 6, 6, 8, 10, 10, 5, 8, 6, 8,
    10, 16, 16, 16, 8, 11, 11, 11, 11, 11, 11, 16, 11, 10, 10, 10, 10, 5, 5, 5, 5, 12, 12, 13,
    13, 13, 13, 13, 13, 13, 12, 12, 12, 12, 10, 10, 10, 10, 10, 10, 10, 10, 10, 16, 9, 10, 10, 10,
    10, 4, 4, 4, 4, 10, 10, 10, 10, 10, 10, 10, 13, 10, 10, 10, 10, 10, 9, 10, 9, 8, 16, 16,
    13, 4, 15, 9, 5, 10, 8, 10, 8, 11, 8, 17, 16,
  ]

  /// Where in a cell the middle of a capital lies.
  static let capitalMiddle = 9

  /// Base64 of a PNG in grey: 0 is paper, 255 is ink.
  static let png = """
    iVBORw0KGgoAAAANSUhEUgAACXMAAAATCAAAAAD9kVPlAAAaeElEQVR42u1d2WHrqhZdeh2QEnAJpARSglwCLkEuAZeA\
    S8AloBKkEqQSUAm8D0ZNjh2f3HPOveEjYZABMSzW3mwQ8ON+3I/7cT/uz3R0EGWw6Ujy60Elv7SS2hgYDLouBoixmjxY\
    GLesCBmd8hhSLYiTcBIAqK19lOoAwAwSgNUY9OZrdFw2Kcgsn6drUwRINzRlPWzDuxx0ClY92nyqm1cj1hkA+DDQ3LCO\
    Cse2H/xx/x3XrYcW6TgrRkoaMRq6+WmwH/fjftyP+3eRLlbShIz9UkMnJmSpss0m55KSKPloYfWQ6VmTaZARpGNLzoWw\
    EPnfKElMvc+5pJwxHPBhxgNFVwZ1Q7rMyVhHdcmAnuJc0HK2ehYElg207vY4V/e9q6m2Hf0Z2n+gk9sCw8C3OnFQPw32\
    437cPSne8Z9G+HH/sUEiJVH/OXGckG8vQs1Zo06skbtPKa7QpNGPFMLm6jbmUrCzq1ekkXVTKwDtHmB19UyxWQSJ7V6a\
    RHvZDsPeMB3IHzeKjFlFdRwbEgwZGIz4whhynu8PkDvNLWKu1Fgv9uhE9OrOdnE8NKFdlQGAJuXWPDf1iWMAiLbWhC7j\
    ysaBRGVnB+W7iYguPwNAOxV63jnnosadGztI4tOdc851MTrVnBtr9cvyB9NDWZt1O8c+E845N6QCmR7cYOqYYgddF8+F\
    Fwl+nn5hO0l9AgUA6poiNPvHbEdSVMiLhnbiPmwJAOpEag4XmixUKUl/qyQ3FEm2awhAXHRdHl7c1QC0jTNbAbXjAEh8\
    PwZAWwoA3UAA48GFuabMkgBQzmkAseTGuSE38oYyGGJrXkv73KwTg7N3smhs/lvEN/YvWrCUDZgZIN5Z89SsIHJYz6Mw\
    rFjJaYi2zg/Y2nGeFxTRWZtVEqoYXfeXstnPaudcyFLYYQsRmXNWAoBzUXNC7MaDzFgX6rlyNowGauxGJWMqpNmNSYVL\
    cx8vvhYggyuGPU8zSGyizgJnPvHT3X/1AsHuIMtrweVqr60dFOsklpjzeKhEnBIvAWZsngpGzRSE6bFBJIohrCIxQdtY\
    CiA0EQ9xLtSWlkt7k5WQSmcixsLcCgV3CqiHxoC4hjgJgA6GijjEO8trndZqUpK2NDeVMk3ifR1VInYkqx8RSsQ82zqr\
    kYxM05MX8g0P7zlDY+Ug3etUrFabeRQv0rjF2uVjA40uY5kVgycn5UrkWzs0b2NsTPsM9Lc4lxiAjFaJc3WKNAMBuM3c\
    viEswmzgXNQDd0axJzmXsADQdZToMAmMaOIMMAMnrPM9KyQjVCdqXdvEuViZW01IIwrwkX7AKkIaP2S5U4Sal/m2rgk1\
    sWVI01k7qFwRkkDXT+f4EhBOUdDG1TGFNtYAi2k/9ysGUg/dQ5zLU6455/KCkbaRc7mmQMbGSQrWBcwQjoI0Acs3kkRI\
    Ek5SUg9xZlk9H14e1eq4Fjoeq1x7Ou3ZGLEaQOMYAOqz6LpSjBqAZKuRh6uKnEtZ0dkN2ru1qj3JucjG2vt7OZf81VmL\
    BEaRBdFHNnNMmjjKclI3a8UAAJiuyFmllarkXMQYTgjXOUPQ4XOg3/hZXDUGOtuhmykSeCjAF27kJjVzw67tBvPNPyjC\
    NohdSKV56VzHhMLLGGzhxVcDthggephvzK1QZxNn7vp3OBcHaOMx5z6yvBRcDV1JwTtn8ALnmiFO+cLUKkL0kBhQXaSk\
    4SUV0pblwEQCwJJzPbG32BS4l1UcdKCI26+Zc4VtXmmi5iVyLsK1c3WYF7UhJpMrXYyGLK/wDjQ2sWrYMJDnOBdUQSkT\
    ewMbCIkTcca5SJzf38G5fD9Rnh3b5lzztYul5a2MlbPX51HMT1rF2pqazJn6c5xLK9CUWWedVwgRx7wSKg86VaoMA+eK\
    5oty8AIIaxqmn1DcGxWHPLEyNU6cegQAd6JYC7Okateci7p6+brUNyEBMBjP4zJpeXmHog70XXEC2mRbi9o1sdd8x4Su\
    Z9FIgueJzvw77WAeizVtHuFcPMFfwbl05wlO5FzGkkIhIf1s6IqCjf0kKSAVEXc5V4w2A2LrKzOInCBcDZpYXA3ImX2r\
    R7gwwFh6ozgK9cAAbdnrlGXNuRZq87tZ/KWcK2eYJo0xD8zXNLC2GRp1Iqu5fM56U6OuG6Ksc3XcfuGddQ/MSt0I5+zW\
    ro2QQGHAXe7XkDBK7pE69QDnYo5sUvrAsAoqt44JhRu5LY03GeW/EhBOZOwjrpn1zhbq/DrOlejLXWR5JYigvOGGFKnS\
    q9W+yrlmiFPq94UjAHMMf5ujgtLB/BObd/xPAzOgjlpkFZ3W25xrsXZFJroZO1uJygm1WrKf5Fy2hhjiWiNEwzUtOFcB\
    MTM66jlX0m8FmKVqGBTdBL5tsdVxL5elvyXnAhb8iER1uu6wwbmWfUmCDqnkXB4fhjsb2VSqTX326l3ChOVRnqBJK2yG\
    xENmnEvbmbhGA3sm+5g3+8VnnItbQ7DiXLWjQG3ryLm4kwkZg3Ixaj3875Qj95OWFrQ7nMs/HFiVsgC6RumiR40lXex0\
    Ywkrd066QLUjqU+KVM+5iPHssrF8X5OTN3WlLbaFWN7JrgfXscA1mLbOi5XKOefrUqRLS3TcvVrpuYRrighi7MDBO2di\
    6fmn4F3a257ValmUAkB12BOXzvlNVU9gjAZQ++FnujD7hO9XHhcr7sTsIepV4aYUkmacS5v7qAE0XdoAzNOSGD/1vVCv\
    hqTmCjkz160XMG5ggukCD1BBHrBp5gaiAxkarAQ7NtCSU5XQE8R8v0tdErjcmDAPcy69k1oP92J84WVM0YQFXnwx0BVz\
    snF0xrk2UecXcq4w0e8iyytBcKcA8PC6PlVY+SzLmodKxCn1+9IC0mq2hJBX/dbw0jymAKEMPA/5S/Ap/4J3zgWlxB7i\
    PO1fzr/OWqM6spg8D/gLICpxr4x+iXAGVMuzniXO1cw4V7l2JXzdiS1XogI+w/iccS7eWasI6s5ZRYD/rWp4OeD87mvg\
    HNFOUecYgLq/YmqPI4CpF0RMIxWn9Ksb5CwLAIz0PthPXyK/fGoBsBEARkq2SfWYGkNNVx9XnwrR29lA89jYDK7Q/XNy\
    AwBcJ0lIQy7LPgp0gJaGEaIbxLhRjZFqK+dGg821B0D0qSXaWdmxj/AA5Tfc6uJtWDO2AMD7jZxb3JGpePsE1zf9cVpH\
    96MARJtSxqvIdhP9FOpQdB+dpvtJ6PkjvX1FDaDGFQB6wkBY2zOAI7zUCR07Ivql6s+Zz7LrdZbZbU55p4/3CQAub7sN\
    dK2q6kjiXJKXw0V6Cdzg/XDxG8369nYKZiPM4P3tZhiA0wfeq3NIP6atf3U9XNVmXzXqVA4udT60mtfHA5Wrn3LTH95J\
    3HTItSqrAqjr2wmAJu+HU02A82WqqsO80NtUAyD8BvQTA/jEAY4emI5MgujbFbhNAgDlV2Csqqo6ov86sOnm0h5J7Po4\
    oKbeaGuNGX2HUMH4ecZ9xw0yVV8YP/YAcPUdS4A6b90A9eYIqy+x6OtSBOqvXXfdHAwKHi2qA90ndeMD79+PkrC6BQDB\
    QOaZEXVaCpRlTHWgzcYza7x4OQDRzl+G9/heFyHiDrK8EkT7IRS4bo85ZyY/ri/qWxaIM13auHLw5iOMzQJCXvV/wKj2\
    /TB6SaMAoQJ4HvLvOWb6w9tZsHuI86zfc1SdRZ728E7EaXq+tQsgKnFvHv11tz99aZcmhqkXa1fC153YciUq4DOOz5kw\
    2B/eqWnU5e2D64VqZr1edFkolJYubOhLXXizVv43Kb/ObOwtfqrn8gpAL8A0UY0203ORtM3cOReUfGRQaW+DS0p4eGZw\
    AyNNrmQyuGKDc6EuYW+xVMFkzsWVdSba2icDuiD+M2ldl0GFhaHYGEB3lBpXQ6nwAgxx993bo/r97bQ1OpMm62BnkcsS\
    ySh9/ov4kNvWc2Xr8pmeizYDSNpXF45SJ4M0mrN3eiHvbSZFey7auUHlptjRc3ltYlApUtegtqCOepVXaChVvhsrNlvi\
    CaGo5+JxdKjhKfnHZ+pl4mBslDMwHQDq8qZzkM+i8tSYnO73+P3J4YWeS4axFSIcB4gb4j7F/Ked3+lVq1p1ZVFhDOZt\
    9ajCLaVINaRZow1gpSNxI69xPNgsSuvF3qh/6WY6nrme6xNhk7s67y3SYsu/6yjx2lpY5wbjwrkNbzjjGOTqlJchUbdO\
    gj2jtdGilxiDxk/15SQ0BMI5p0j82XY9Zz/SOsOv3NVz0ULPxZc2Csk+K6kla8tJOkXOLIJxS1QphRia7fZBOzl/pkTR\
    jBevB7gTQLDwZRuos8SZz/y7ei4bla++6HvI8krQv5OJIEOcAsggYuqX9VwF4pRKfGkXNgJ0Zr3yit9kjUoJQgXwPOLf\
    03P5ZyKybCPOs/4F5zIdwKxPelLPVQJRiXtzfHrVbei5EvQEECrXroxh27GzlSjBZxyf5TQJjeZEWD1KPdeaobIeNGqr\
    LlPXRMI3fry99zW9UGO9UrOWp6ts5lZTNGtPCID22AP98XHdDL99KlvTyKrfq0PrtzEkyeJJex6n9hgF2FM/Xdq06cGD\
    coeZ9vB28ffcXKgiVPmGGKsz8j/SDIZd3j5Cldoquo8g5Z7fjqMKWmdAjkHsuoLUp3E8A+hZkOx7r10CAByq6tCaz+0D\
    DkVZh6qq3ost1Xh0wj902BE36fb55Rtl9VT0yXgRu0N8cEN9Pu8kWXX1SeP7+5XI4TNGfWUUjHoRZhwZWI9x4oXcXYOn\
    mlynti8UmkuNXfu8IrUZrBui1vkGoKV0Pub4DcA4FkOx5yst4zgmcR4YN3TuWhxvC7kf09QDGGPp+aesBTCFgbKsVSoq\
    5Dc29R0wulEO1O3kq83IZWJRL3ppDffz5kpqoL751iR6CgOMbSg/WpYOJXd2UJwszl1x3MqFQkURjLDTOJ0mBgBv1YHy\
    j6oaC43yiPO5+cz04fr2dvq4ePibjkp89LNJWMjB/VuPu4J2W1VVNR3DbOJ17ZwAuHPdeNkXlN9v+5l2nbdqGD/eDj6L\
    20nX78xv5XcdcZLVZ6TRHGPGqvqoa8TCZ88AJIL7DC9eDjTTLahWqqp/AGc+8++6tyM+qoPXUX6OLK9p0s58OpaUvb2+\
    nmmJOIUSH+hJPARXQsjrfo8wDBsgFIDnEf/9tTQiyzbiPOv30+lY4CHRp/ZLtm4zIMq4N4v+9a7GKaxmqsF5uXZlfN2O\
    XaxEGT5XUyk0mn8x8JJzTdPW7hWbAkROh1PPTT4uQuR5UtPhpgmApr2eLrIBwyOcijvnHNFZTeR1Q86VmjZOWgCYCMqZ\
    O1vPeMHgxuPUAKAr5WY/Mk8oewAtCfUXCBNTTqdxutwkALRHZrv+utHHTJLT++Vu59+Oh74OxIaGetERFD3QT4F4Bppx\
    Y3mZGU9oAEzT5qGlOyvINBEAU1WdH1GWX7cPjY69EDNScImbxKlCNCpnD9Xb+2U36SrirO8vx8OoPgHYGwREXKh7T7Za\
    RmPLQbJTudszFdrd00pZ3D57Z7RqTodETydEClQ0N4nRAAga55xryLpnxiKLaf3KhPfzCTGlmTaFQZ1/GrIMjbuq1Thv\
    iY9Rl5YFyxYZa1B2DbswvJ96zkgb93VDpcZWgAfeC00CgLhuXI+o6y2cC+bs9HYc5dCFTcJ4RnnKVfs44FRVlzxC0ngZ\
    28TvqxuAHhK4Lmf3yHoaDQKAqDRpAEBNRy6O2/thIwMwnQWJP3tguQ6Ura2qt+Od2d0fj/knC1HwvfIzMFcSt7MiH6xJ\
    qeoygshL8by6jAD6aUIsfPZMBrwZXnwtcMsByttpgSHffTNnnlJ7yPJK0O/2tdFKYAKFmk5l6pdd2VCkSRtc7Vn4HcAS\
    Ql72v3k70XqB+SXwPOL/pBNKZFkhzrP+hcqYYIS+3fCl8VQCUca9Ipol1SxzM8ce0WbvCEvZMumWAC+vXSW+bsfOVqIA\
    nxsTKjaaRwiQknNdFiqSzjminSbxMijc2vMBSa3YjDfw63QhDADtgfNFNk1BSkey1HhdLlvCZnzbqqqqkoV6eOg9WIzT\
    hq7wNIO/0Y8K7ZwjYnWedYHT9ZhpEYDR36F3e6/ezmyDNvbnSRV7h1t9ynXHbpeN4Y6yIAHpnGtQqih9N21KCPyeiU37\
    jHbH6yE3RIyazcTC6Sqi/iVeirbm0RtJ06lXZS6ErjCMlIgytnUWYVrCWAv0PHF21lyu52ajSRS7rvWft2f1XPW1nVLX\
    kEwOcndNMRrAhLPXqKxf5xOImY5Mf4Ln6xYat2u1KGr8ePsYZ9biU/nYrSbCE5x+4rxFy1kYS0T1LAyFK6ei97GKn8JQ\
    q943dKKi/vCKkf7Yo7+8vx2OoZpkMdkXtQQFiH8l6xwncW8xDBqhCVuuj7emb4Odsu/qt6oKHO5EdHvV20B7azzZbCBu\
    +EXuCc1MriRqeZpMn7BAkAvQlBKb8PajMhPy5TOxs2Z48bVAUwbqpBWfz+RvcxkidpHllSDA9e3jGM1kWtbwY06dY87j\
    oXv6/cv7ZOgCQl72U5yquEsxA6EMPI/49/ljiSzb8c/6F5s9E4jEOSSVSPSIvwQiUjDqFN1XUTXbVzPX78tS1Sf62POp\
    3HxYrV0LfF3HzlaiBJ8tI3sL31tVVVV13rChLwS4c19V47GqCm1SnwQwUZp8jhzA+SLpuWQ5cT7Trxhq1rewKUaDMfBy\
    d6g5z3XIdEydM11znZkv/QYGJK0dZbcZ4aFZycfYhmp6uhw+Rmnj+cRVn1I5GHp+i3q3wyll3oMBlADevra+VVVVVTPF\
    DPEGxsHulhXLKKuvd6TvC3nmVovTTW6ddr2Rcd47lykuyMSfym76dq0LDkljkXSmAkAQZukKvKIN7BSKu1JJkvCIBj3Q\
    0jqmqvGMS78+JFqLfsPUuCXPkq4JyLy3BsCnca4wazmAoG/Z0qOV6Xd48ZHrhyvVcwCE9atabRc1tUfwgsGNhOTHroRH\
    Stty1qJlQYiBnj4u4UDHbWxq3wdCXNIU628bZwnjIJi2aUmLbZXb1CtKlAe1t6q6jVXYW/Qy/fXIO31abRXLY2+cq5sV\
    2x/fiT5dtzfj20kCwEXIz5Ttb49wMvoApd5BLnW8df3HlDYETgBjRZlEnoIqFzvPMHXrscKLlwPCS7sbGMK+6fJ9WmwN\
    7SHLK0FwfTvlWXYl8jjl1DnmPB5abrgG/X6YHidClxDyqp+XNv8lCNV4yn9XPCdrbUKJOM/6vfIhoVsv6mMsokSiR/wF\
    EJW4N4v+5W4DJOZrV8TX7djZSpTh80LkTiNvHetQKxt6I/0RaF+fhoqmTvdMmQaA0aSx/qIsTQnTM0N6Ep9lm5eoZRt6\
    Orei9XaM6dIlfydqBL9kQy+KH6maEqYLPWMw8lN1tqGHGRgR0UpCunwXoyLxKDCTFDxYv26fW3R2i+bQzs3PLUabzkZH\
    G3rh79+Id4H6k9T+5lMVmuerd6JyU14oceceeh3NWVd58fLOh8bNby60dFXwdpK/22HoOCHCmkVT+FtsaT7FMLu30fqP\
    Ath0W4FjKC4gS7lQW94bmb9fG66EftiGXg+MCO07Q1qdRgazmhKufJtIQnVnUjRtpI9noc2alO6t2L1V6PKuCGb1PAIY\
    ZJ4V5U+5k4Qa/4ZlrcqqRIN5qjkJ6tx4LJ86RZjuQlN1Q74GzhHAputsebjgH/kiIzZTwn/lrghja8NkrEhh36+t1elq\
    IL3Kmeg1Ouxfboo75xbv/+xZp11DiHRxhPHh8e/ZLs4tKo1oU1vGQBX1XDxDw116c7z4BQFeoCO2UWcTZ756J6qYXQq4\
    gywvBef3c1HnVHlj6hxzHg8VuFW+sLQAiLR0ASGv+uuhtooS5rciChAqgecR/54NPXMq3dO9hzjP+hecS/gi6BKJHvFn\
    IJrhXhF9l9c7iWCpLu9ci7V5V0Raz7BYuwp83YydrUQlfNbW8PmdqL7RusbWhPC5kn7NuSyHSMsalZ3LH9bwJ4uSDT2Y\
    tm5Q5aBd3om6z7nY/Mij51zpjrDy2z/lYQDvVwBA1VB8QiejClWDS1eCEWVdqv5Q7Ama/L2QZkiP0HhN/axuO/dzmYWo\
    kc7RWA6i7SBNOBE/++aNB1lreBoJ9u63f1Z3dYVv/yiGPc7VzHDQuDpl1u1yrnDCAuErG4qssccnpVMbIn5CSPhxYm2X\
    bjbInIvIwZUWSOX3SbT3m9Da8W6cdBFqzCVv6vIZ5/KfLHiccxFtraKRc31+PxfV1g2SlpzLp3f6M84VSNcjnAu8S1/Z\
    2b+fqxy3vjWV9cdS68EZatLlb0PCpA6ALq/ejffK03DMpv4F93MN4Ts6KD74FO/nikca15wL6DYUgfOP+DzsPv/ZQ5Ye\
    vkeUtSrdIv4M55o7ls+FzmJYuuht/Uw6VD3Di5cD4UBcOLcoN1En48wj/vvf/nGDESVC7CDLa8HZtO6aevZloDnmPB7a\
    5VwsAXYJIa/6DfMXP8Xvy2QQKoDnEf/u/VzMFDf/bSPO0/458RlkcXVXiUSP+BMQzXEvR38P50rf5wmcq1y7Mr5uxs5W\
    ohl8lt/+8Ror7i/mqjtrzbOWx+I5FFx9+2cv2y0uO/wZn2UVr51Ure3vvbP4V3w5Ydep3/014My5wlB77q6IX+DyBxKW\
    Df9qTdb3MT9yFfyzjm8aoT5zD30hqT2lX0o5MyvxB7rF5RhrzkW675tanfln55HAv8TRf8uLdH/bXffktbUgAdEc9/gv\
    vPN/xbl+l/vfN+Y9XiUAiPGTLVm+dSDwcPkjhhK/vHRS9XYyihHCRPdb6AkT7fR9uZ9a/ZuRId6DhrHqgcb9k2sHUYxQ\
    hesOAvX4CxyR7VY9xxWAUjZ+SwW0c+Z2wd/opun7RlvLa8Jk/U+9Sv+v4Vzjv+VF/roumdpXfr0DRDvRXxUthugMfty/\
    2BHZWTsYQX5D2d2gyE8PfJcrv9axZOrb+venpLJ/QM9l3PaHdom2Qb4M2ii3/z5ri4THnKv/7N797BJY7YZvFDjk8JWt\
    1a+52trmZzb/UU66gf+X3rcAohL39vDpx/24H/fnOhp31n9m77+QGf24H/fjftxf5f4PL/7hsC0PxOEAAAAASUVORK5C\
    YII=
    """
}
