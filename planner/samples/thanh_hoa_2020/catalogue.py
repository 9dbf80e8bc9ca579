"""The texts that the sample plans are drawn from: goals and pieces of work by tier, with the deadlines they may have.

Data only. A deadline "2020-05-20" becomes a date cell in a workbook; the others are written as people write them.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.domain.agency import Tier


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A piece of work that a plan may hold."""

    title: str
    deliverable: str
    dues: tuple[str, ...]  #: one is chosen
    cooperating: tuple[str, ...] = ()  #: agency codes
    follows: bool = False  #: waits for the piece of work before it, if the plan holds that too
    needs: str = ""  #: a task of another agency's plan: "stttt:II.2"
    responsible: str = ""  #: e-mail; empty: one of the agency's members
    start: str = ""  #: ISO day; empty: chosen, or none
    duration: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """A goal and the work that may stand under it; `least` pieces of it are always chosen."""

    title: str
    target: str | None
    works: tuple[Work, ...]
    least: int = 1


def _w(title: str, deliverable: str, *dues: str, follows: bool = False, needs: str = "", by: str = "") -> Work:
    return Work(
        title=title, deliverable=deliverable, dues=dues, follows=follows, needs=needs, cooperating=tuple(by.split())
    )


_ROUTINE = "Thường xuyên"

_PORTAL = Aim(
    title="Trang thông tin điện tử cung cấp đầy đủ thông tin theo quy định tại Nghị định số 43/2011/NĐ-CP",
    target="2.6",
    least=0,
    works=(
        _w(
            "Rà soát, bổ sung các chuyên mục, thông tin còn thiếu trên Trang thông tin điện tử theo Nghị định số "
            "43/2011/NĐ-CP",
            "Báo cáo kết quả rà soát",
            *("trước ngày 22/5/2020", "21/5/2020", "2020-05-19"),
        ),
        _w(
            "Kiện toàn Ban Biên tập, ban hành quy chế hoạt động của Trang thông tin điện tử",
            "Quyết định kiện toàn Ban Biên tập",
            *("tháng 6/2020", "chậm nhất ngày 15/6/2020", "2020-06-19"),
        ),
        _w(
            "Cập nhật tin, bài, văn bản chỉ đạo, điều hành, lịch công tác trên Trang thông tin điện tử",
            "Tin, bài được đăng tải",
            _ROUTINE,
        ),
    ),
)
_ROOM = Aim(
    title="Ứng dụng phòng họp không giấy tờ",
    target="2.7",
    least=0,
    works=(
        _w(
            "Khảo sát, đề xuất phương án trang thiết bị, đường truyền phục vụ phòng họp không giấy tờ",
            "Báo cáo khảo sát",
            *("trong tháng 6/2020", "26/6/2020", "Quý II/2020"),
        ),
        _w(
            "Lắp đặt thiết bị, cài đặt phần mềm phòng họp không giấy tờ",
            "Biên bản nghiệm thu",
            *("trước ngày 01/8/2020", "24/7/2020", "2020-07-28"),
            follows=True,
        ),
        _w(
            "Tổ chức họp giao ban bằng phòng họp không giấy tờ, đánh giá, rút kinh nghiệm",
            "Báo cáo đánh giá",
            *("hết tháng 8/2020", "31/8/2020", "Quý III/2020"),
            follows=True,
        ),
    ),
)
_CONDUCT = Aim(
    title="Tổ chức thực hiện, kiểm tra, báo cáo",
    target=None,
    least=0,
    works=(
        _w(
            "Phổ biến, quán triệt kế hoạch đến toàn thể cán bộ, công chức, viên chức và người lao động",
            "Biên bản hội nghị",
            *("ngày 11/5/2020", "trước ngày 15/5/2020", "15/5/2020"),
        ),
        _w(
            "Báo cáo kết quả thực hiện kế hoạch về Sở Thông tin và Truyền thông",
            "Báo cáo định kỳ",
            *("Hằng quý", "Ngày 25 hằng tháng"),
            by="stttt",
        ),
        _w(
            "Sơ kết 6 tháng đầu năm, chấn chỉnh các phòng, bộ phận thực hiện chưa nghiêm",
            "Báo cáo sơ kết",
            *("trước ngày 15/7/2020", "tháng 7/2020", "17/7/2020"),
        ),
        _w(
            "Tổng kết việc xử lý văn bản, thủ tục hành chính trên môi trường điện tử năm 2020",
            "Báo cáo tổng kết",
            *("năm 2020", "31/12/2020", "trước ngày 20/12/2020"),
        ),
    ),
)

DEPARTMENT = (
    Aim(
        title="100% văn bản, hồ sơ công việc của cơ quan được trao đổi, tạo lập, xử lý, ký số trên môi trường điện tử",
        target="2.3",
        least=2,
        works=(
            _w(
                "Rà soát, lập danh sách đề nghị cấp mới, gia hạn chữ ký số chuyên dùng cho lãnh đạo, công chức",
                "Danh sách đề nghị cấp chữ ký số",
                *("trước ngày 15/5/2020", "2020-05-13", "chậm nhất ngày 14/5/2020"),
                by="stttt",
            ),
            _w(
                "Cài đặt, hướng dẫn sử dụng chữ ký số cá nhân trên phần mềm Quản lý văn bản và Hồ sơ công việc",
                "Biên bản bàn giao, hướng dẫn",
                *("trước ngày 22/5/2020", "21/5/2020", "2020-05-20"),
                follows=True,
                by="stttt",
            ),
            _w(
                "Ban hành quy chế tiếp nhận, xử lý, phát hành và lưu trữ văn bản điện tử của cơ quan",
                "Quyết định ban hành quy chế",
                *("22/5/2020", "trước ngày 20/5/2020", "trong tháng 5/2020", "2020-05-29"),
            ),
            _w(
                "Tập huấn kỹ năng tạo lập, xử lý hồ sơ công việc trên môi trường điện tử cho 100% công chức, viên chức",
                "Báo cáo kết quả tập huấn",
                *("trước ngày 05/6/2020", "tháng 6/2020", "2020-06-12"),
                by="stttt snv",
            ),
            _w(
                "Lập hồ sơ điện tử đối với toàn bộ hồ sơ công việc đang giải quyết",
                "Danh mục hồ sơ điện tử",
                *("Quý III/2020", "hết tháng 8/2020", "2020-07-31"),
            ),
            _w(
                "Kiểm tra việc xử lý văn bản, ký số tại các phòng, đơn vị trực thuộc",
                "Báo cáo kết quả kiểm tra",
                *("Quý II/2020", "30/6/2020", "cuối quý III/2020"),
            ),
        ),
    ),
    Aim(
        title="Hoàn thành 100% chỉ tiêu dịch vụ công trực tuyến mức độ 3, mức độ 4 được giao",
        target="2.2",
        works=(
            _w(
                "Rà soát danh mục thủ tục hành chính đủ điều kiện cung cấp dịch vụ công trực tuyến mức độ 3, mức độ 4",
                "Danh mục thủ tục hành chính",
                *("29/5/2020", "trước ngày 30/5/2020", "2020-05-27"),
                by="vp-ubnd",
            ),
            _w(
                "Xây dựng quy trình điện tử, biểu mẫu điện tử trên Cổng dịch vụ công của tỉnh",
                "Quy trình điện tử được phê duyệt",
                *("Quý II/2020", "tháng 7/2020", "15/7/2020"),
                follows=True,
                by="vp-ubnd stttt",
            ),
            _w(
                "Sử dụng dữ liệu từ cơ sở dữ liệu quốc gia về đăng ký doanh nghiệp khi giải quyết thủ tục hành chính",
                "Báo cáo kết quả kết nối",
                *("hết tháng 9/2020", "Quý IV/2020", "30/10/2020"),
                by="skhdt",
            ),
            _w(
                "Hướng dẫn tổ chức, cá nhân nộp hồ sơ trực tuyến, nhận kết quả qua dịch vụ bưu chính công ích",
                "Lượt hồ sơ nộp trực tuyến",
                _ROUTINE,
            ),
        ),
    ),
    _PORTAL,
    _ROOM,
    _CONDUCT,
)

DISTRICT = (
    Aim(
        title="100% văn bản, hồ sơ công việc của UBND cấp huyện được trao đổi, tạo lập, xử lý, ký số trên môi trường "
        "điện tử",
        target="2.4",
        least=2,
        works=(
            _w(
                "Rà soát, đề nghị cấp chữ ký số cho lãnh đạo, chuyên viên các phòng, ban và UBND cấp xã trực thuộc",
                "Danh sách đề nghị cấp chữ ký số",
                *("trước ngày 20/5/2020", "18/5/2020", "2020-05-15"),
                by="stttt",
            ),
            _w(
                "Đưa chữ ký số vào sử dụng trên phần mềm Quản lý văn bản và Hồ sơ công việc của các phòng, ban",
                "Báo cáo kết quả đưa vào sử dụng",
                *("trước ngày 30/6/2020", "24/6/2020", "2020-06-26"),
                needs="stttt:II.2",
                by="stttt",
            ),
            _w(
                "Tập huấn xử lý văn bản, lập hồ sơ công việc điện tử cho cán bộ, công chức cấp huyện, cấp xã",
                "Báo cáo kết quả tập huấn",
                *("trong tháng 6/2020", "19/6/2020", "2020-06-17"),
                by="stttt",
            ),
            _w(
                "Gửi, nhận 100% văn bản điện tử có ký số giữa UBND cấp huyện với các phòng, ban và UBND cấp xã",
                "Báo cáo thống kê văn bản điện tử",
                *("Quý II/2020", "30/6/2020", "2020-06-30"),
            ),
            _w(
                "Kiểm tra, đôn đốc UBND cấp xã xử lý văn bản, hồ sơ công việc trên môi trường điện tử",
                "Kết luận kiểm tra",
                *("hết tháng 8/2020", "Quý III/2020", "28/8/2020"),
            ),
        ),
    ),
    Aim(
        title="Tiếp nhận, giải quyết thủ tục hành chính trên Hệ thống một cửa điện tử, Cổng dịch vụ công của tỉnh",
        target="2.2",
        works=(
            _w(
                "Kết nối Hệ thống một cửa điện tử cấp huyện với Cổng dịch vụ công của tỉnh",
                "Biên bản kết nối, kiểm thử",
                *("trước ngày 15/6/2020", "15/6/2020", "2020-06-17"),
                needs="vp-ubnd:II.3",
                by="vp-ubnd",
            ),
            _w(
                "Bố trí trang thiết bị, nhân lực cho Bộ phận Tiếp nhận và Trả kết quả cấp huyện, cấp xã",
                "Văn bản bố trí nhân lực, trang thiết bị",
                *("tháng 7/2020", "Quý III/2020", "2020-07-22"),
            ),
            _w(
                "Số hóa kết quả giải quyết thủ tục hành chính còn hiệu lực",
                "Cơ sở dữ liệu kết quả đã số hóa",
                *("Quý IV/2020", "hết tháng 11/2020", "30/11/2020"),
            ),
            _w(
                "Hướng dẫn người dân, doanh nghiệp nộp hồ sơ trực tuyến tại Bộ phận Tiếp nhận và Trả kết quả",
                "Lượt hồ sơ nộp trực tuyến",
                _ROUTINE,
            ),
        ),
    ),
    _PORTAL,
    _ROOM,
    _CONDUCT,
)

COMMUNE = (
    Aim(
        title="100% văn bản, hồ sơ công việc của UBND cấp xã được trao đổi, tạo lập, xử lý, ký số trên môi trường "
        "điện tử",
        target="2.5",
        least=2,
        works=(
            _w(
                "Rà soát máy tính, máy quét, đường truyền; đề nghị cấp chữ ký số cho lãnh đạo, công chức",
                "Báo cáo rà soát",
                *("29/5/2020", "trước ngày 25/5/2020", "2020-05-22"),
            ),
            _w(
                "Cử cán bộ, công chức dự tập huấn và tự học sử dụng phần mềm Quản lý văn bản và Hồ sơ công việc",
                "Danh sách công chức sử dụng thành thạo",
                *("tháng 6/2020", "30/6/2020", "2020-06-24"),
            ),
            _w(
                "Tiếp nhận, xử lý, phát hành 100% văn bản trên phần mềm, có ký số của Chủ tịch UBND và văn thư",
                "Báo cáo thống kê văn bản điện tử",
                *("trước ngày 30/8/2020", "28/8/2020", "hết tháng 8/2020"),
                follows=True,
            ),
            _w(
                "Lập hồ sơ công việc điện tử, nộp lưu trữ cơ quan",
                "Danh mục hồ sơ điện tử",
                *("Quý III/2020", "trước ngày 15/9/2020", "2020-09-18"),
            ),
        ),
    ),
    Aim(
        title="Tiếp nhận, giải quyết thủ tục hành chính trên Hệ thống một cửa điện tử",
        target=None,
        least=2,
        works=(
            _w(
                "Niêm yết, công khai thủ tục hành chính và hướng dẫn nộp hồ sơ trực tuyến tại trụ sở",
                "Bảng niêm yết thủ tục hành chính",
                *("trong tháng 5/2020", "2020-05-28", "trước ngày 30/5/2020"),
            ),
            _w(
                "Tiếp nhận 100% hồ sơ thủ tục hành chính trên Hệ thống một cửa điện tử",
                "Báo cáo thống kê hồ sơ",
                *("Quý II/2020", "30/6/2020", "15/7/2020"),
            ),
            _w("Hỗ trợ người dân tạo tài khoản, nộp hồ sơ trực tuyến", "Số tài khoản được tạo", _ROUTINE),
        ),
    ),
    _PORTAL,
    _CONDUCT,
)

#: The plan of the department that follows all others up; its first tasks are the documentation's example.
STTTT = (
    Aim(
        title="100% văn bản, hồ sơ công việc được xử lý trên môi trường điện tử",
        target="2.3",
        least=9,
        works=(
            Work(
                title="Rà soát, cấp chữ ký số cho cán bộ, công chức",
                deliverable="Báo cáo rà soát",
                dues=("trước ngày 15/5/2020",),
                cooperating=("vp-ubnd",),
                responsible="nguyen.van.a@stttt.example.vn",
                start="2020-05-04",
            ),
            Work(
                title="Tập huấn sử dụng phần mềm",
                deliverable="Báo cáo kết quả tập huấn",
                dues=("22/5/2020",),
                follows=True,
                needs="vp-ubnd:II.3",
                responsible="tran.thi.b@stttt.example.vn",
                duration=5,
            ),
        ),
    ),
    Aim(
        title="Bảo đảm hạ tầng kỹ thuật, phần mềm dùng chung và an toàn thông tin cho các hệ thống thông tin của tỉnh",
        target=None,
        least=9,
        works=(
            _w(
                "Nâng cấp đường truyền, máy chủ, hệ thống lưu trữ phục vụ các phần mềm dùng chung",
                "Biên bản nghiệm thu",
                "29/5/2020",
                by="vp-ubnd",
            ),
            _w(
                "Hoàn thành tích hợp chữ ký số chuyên dùng vào phần mềm Quản lý văn bản và Hồ sơ công việc dùng chung "
                "của cấp huyện, cấp xã",
                "Biên bản nghiệm thu, văn bản hướng dẫn",
                "trước ngày 12/6/2020",
                follows=True,
            ),
            _w(
                "Diễn tập ứng cứu sự cố an toàn thông tin mạng",
                "Báo cáo kết quả diễn tập",
                "Quý III/2020",
                by="vp-ubnd",
            ),
        ),
    ),
    Aim(
        title="Các cổng, trang thông tin điện tử cung cấp đầy đủ thông tin theo Nghị định số 43/2011/NĐ-CP",
        target="2.6",
        works=(
            _w(
                "Kiểm tra, đánh giá 100% cổng, trang thông tin điện tử của các cơ quan nhà nước trên địa bàn tỉnh",
                "Báo cáo đánh giá",
                "trước ngày 22/5/2020",
                by="vp-ubnd",
            ),
        ),
    ),
    Aim(
        title="Ứng dụng phòng họp không giấy tờ",
        target="2.7",
        least=2,
        works=(
            _w(
                "Hướng dẫn yêu cầu kỹ thuật phòng họp không giấy tờ cho các sở, ban, ngành và UBND cấp huyện",
                "Văn bản hướng dẫn",
                "chậm nhất ngày 12/6/2020",
            ),
            _w("Đưa phòng họp không giấy tờ của Sở vào sử dụng", "Biên bản nghiệm thu", "trước ngày 01/8/2020"),
        ),
    ),
    Aim(
        title="Theo dõi, đôn đốc, kiểm tra, tổng hợp kết quả thực hiện",
        target=None,
        least=3,
        works=(
            _w("Tổng hợp kế hoạch của các cơ quan, đơn vị, địa phương", "Báo cáo tổng hợp", "15/5/2020"),
            _w("Báo cáo Chủ tịch UBND tỉnh tình hình thực hiện", "Báo cáo", "Ngày 25 hằng tháng"),
            _w(
                "Tổng kết, đề xuất biểu dương, phê bình các cơ quan, đơn vị, địa phương năm 2020",
                "Báo cáo tổng kết",
                "31/12/2020",
                by="snv",
            ),
        ),
    ),
)

#: The plan of the provincial office; II.3 is what the departments and districts wait for.
VP_UBND = (
    DEPARTMENT[0],
    Aim(
        title="Vận hành Cổng dịch vụ công, hệ thống một cửa điện tử của tỉnh",
        target="2.2",
        least=9,
        works=(
            _w(
                "Công bố danh mục thủ tục hành chính thực hiện trên môi trường điện tử",
                "Quyết định công bố",
                "2020-05-12",
                by="stp",
            ),
            _w(
                "Đăng ký, phân quyền tài khoản cho cán bộ, công chức làm việc tại bộ phận một cửa các cấp",
                "Danh sách tài khoản",
                "2020-05-14",
                by="stttt",
            ),
            _w(
                "Hoàn thành kết nối liên thông Cổng dịch vụ công của tỉnh với hệ thống một cửa điện tử các cấp",
                "Biên bản nghiệm thu kết nối",
                "15/5/2020",
                by="stttt",
            ),
            _w(
                "Giám sát việc tiếp nhận, giải quyết hồ sơ thủ tục hành chính trên Cổng dịch vụ công",
                "Báo cáo giám sát",
                _ROUTINE,
            ),
        ),
    ),
    _PORTAL,
    _ROOM,
    _CONDUCT,
)

BY_TIER = {Tier.DEPARTMENT: DEPARTMENT, Tier.DISTRICT: DISTRICT, Tier.COMMUNE: COMMUNE}
BY_AGENCY = {"stttt": STTTT, "vp-ubnd": VP_UBND}
